"""The template language: Django's, with our tags and filters, its own limits and no reach outside the template.

`compile` at create time, `Template.render` per message; `LruCache` keeps compiled templates for whoever owns it. Pure:
the time, the links and the zone come in `Surroundings`. Follows reference 4.6 and DESIGN section 8; see
docs/decisions/0003-templates.md.
"""

from headrace.templates.cache import LruCache
from headrace.templates.limits import Limits
from headrace.templates.problems import RenderProblem, TemplateProblem
from headrace.templates.surroundings import Surroundings
from headrace.templates.template import Template, compile

__all__ = ["Limits", "LruCache", "RenderProblem", "Surroundings", "Template", "TemplateProblem", "compile"]
