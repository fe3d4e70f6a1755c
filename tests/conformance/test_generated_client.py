"""A client that is generated from our own description works against a running server.

What is here: generating it, and a call of each kind. What is not: every operation, which the official SDK exercises.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Served

from conformance.own_schema import descriptions
from headrace.api.revisions import NEWEST
from headrace.jsonapi.document import encode

PACKAGE = "generated_headrace_client"
CONFIG = f"project_name_override: {PACKAGE}\npackage_name_override: {PACKAGE}\npost_hooks: []\n"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Generate the package, whose name is returned; whatever the generator has to say is a mistake of ours."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_bytes(encode(descriptions().of(NEWEST)))
    (folder / "config.yaml").write_text(CONFIG)
    places = ["--path", str(folder / "openapi.json"), "--output-path", str(folder / PACKAGE)]
    options = ["--config", str(folder / "config.yaml"), "--meta", "none", "--fail-on-warning"]
    run = subprocess.run(
        [str(Path(sys.executable).parent / "openapi-python-client"), "generate", *places, *options],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (0, []) == (run.returncode, run.stdout.splitlines()[1:]), run.stdout + run.stderr
    sys.path.insert(0, str(folder))
    yield PACKAGE
    sys.path.remove(str(folder))
    for name in [one for one in sys.modules if one.split(".")[0] == PACKAGE]:
        del sys.modules[name]


class Generated:
    """The generated package, as a test calls it."""

    def __init__(self, package: str, served: Served) -> None:
        self._package = package
        client = importlib.import_module(f"{package}.client")
        self._client = client.AuthenticatedClient(served.url, token=served.key, raise_on_unexpected_status=True)

    def call(self, operation: str, *path: str, body: Any = None, **query: Any) -> Any:
        """Call an operation, `tag.operation_id`, and return its answer."""
        module = importlib.import_module(f"{self._package}.api.{operation}")
        if body is not None:
            query["body"] = self._model(operation, body)
        return module.sync_detailed(*path, client=self._client, **query)

    def _model(self, operation: str, body: Any) -> Any:
        name = "".join(part.capitalize() for part in operation.rpartition(".")[2].split("_")) + "Body"
        return getattr(importlib.import_module(f"{self._package}.models"), name).from_dict(body)


@pytest.fixture
def client(generated: str, served: Served) -> Generated:
    """The generated client, pointed at the running server."""
    return Generated(generated, served)


def resource(type_: str, **members: Any) -> dict[str, Any]:
    """Return the body of one resource."""
    return {"data": {"type": type_, **members}}


def flow_body() -> dict[str, Any]:
    """Return the body of a flow that a metric starts and that waits an hour."""
    wait = {"unit": "hours", "value": 1, "secondary_value": 0, "timezone": "profile"}
    action = {"temporary_id": "wait", "type": "time-delay", "links": {"next": None}, "data": wait}
    trigger = {"type": "metric", "id": "WiJdEn", "trigger_filter": None}
    definition = {"triggers": [trigger], "profile_filter": None, "actions": [action], "entry_action_id": "wait"}
    return resource("flow", attributes={"name": "Welcome", "definition": definition})


def event_body(email: str) -> dict[str, Any]:
    """Return the body of an event."""
    metric = resource("metric", attributes={"name": "Placed Order"})
    profile = resource("profile", attributes={"email": email})
    attributes = {"properties": {"items": 2}, "metric": metric, "profile": profile, "value": 9.5, "unique_id": "o-1"}
    return resource("event", attributes=attributes)


def made_flow(client: Generated) -> Any:
    """Make a metric by an event, and a flow that it starts; return the answer's data."""
    assert 202 == client.call("events.create_event", body=event_body("ann@example.com")).status_code
    metric = client.call("metrics.get_metrics").parsed.data[0]
    body = flow_body()
    body["data"]["attributes"]["definition"]["triggers"][0]["id"] = metric.id
    answer = client.call("flows.create_flow", body=body)
    assert 201 == answer.status_code, answer.content
    return answer.parsed.data


def test_a_profile_is_made_and_read(client: Generated) -> None:
    """A body goes through the generated models and the answer comes back as one."""
    body = resource("profile", attributes={"email": "ann@example.com", "properties": {"size": "M"}})
    made = client.call("profiles.create_profile", body=body)
    assert (201, "ann@example.com") == (made.status_code, made.parsed.data.attributes.email)
    read = client.call("profiles.get_profile", made.parsed.data.id).parsed.data
    assert {"size": "M"} == read.attributes.properties.to_dict()


def test_a_flow_is_made_and_listed(client: Generated) -> None:
    """A definition is parsed into the models of its parts, and what is included is too."""
    made = made_flow(client)
    models = importlib.import_module(f"{PACKAGE}.models")
    asked = [models.GetFlowAdditionalFieldsflowItem("definition")]
    read = client.call("flows.get_flow", made.id, additional_fieldsflow=asked).parsed.data
    action = read.attributes.definition.actions[0]
    assert ("time-delay", 1) == (action.type_, action.data.value)
    listed = client.call("flows.get_flows", include=[models.GetFlowsIncludeItem("flow-actions")]).parsed
    assert [made.id] == [one.id for one in listed.data]
    assert ["flow-action"] == [one.type_ for one in listed.included]


def test_lists_of_fields_are_sent_as_the_server_reads_them(client: Generated) -> None:
    """Only the fields that are named come back."""
    made_flow(client)
    field = importlib.import_module(f"{PACKAGE}.models.flow_field").FlowField
    (flow,) = client.call("flows.get_flows", fieldsflow=[field("name"), field("status")]).parsed.data
    assert {"name": "Welcome", "status": "draft"} == flow.attributes.to_dict()


def test_a_report_is_read(client: Generated) -> None:
    """A report is asked for and its answer parsed, though nothing was sent."""
    made_flow(client)
    metric = client.call("metrics.get_metrics").parsed.data[0].id
    asked = {"timeframe": {"key": "last_30_days"}, "statistics": ["opens"], "conversion_metric_id": metric}
    answer = client.call("reporting.query_flow_values", body=resource("flow-values-report", attributes=asked))
    assert (200, []) == (answer.status_code, answer.parsed.data.attributes.results), answer.content


def test_errors_are_parsed(client: Generated) -> None:
    """An error comes back as the model of errors."""
    answer = client.call("flows.get_flow", "nobody")
    assert (404, "not_found") == (answer.status_code, answer.parsed.errors[0].code)
