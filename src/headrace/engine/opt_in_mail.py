"""The mail that asks somebody to confirm a subscription: its words and its link. Source: reference 4.4.

What is here: pure functions. What is not: sending it (`opt_in`) and the page behind the link (the API). Our choice: the
words, that the link is good for 30 days, and that the mail is tracked in no way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from html import escape
from uuid import UUID

from headrace.messages.tokens import Kind, Payload, Signer
from headrace.model import Account
from headrace.storage.identity import normal_email

GOOD_FOR = timedelta(days=30)

_STYLE = "font:16px/1.5 system-ui,sans-serif;color:#1d2330;max-width:36rem;margin:0 auto;padding:1.5rem"
_BUTTON = (
    "display:inline-block;padding:.7rem 1.4rem;background:#1f4fd8;color:#ffffff;text-decoration:none;border-radius:6px"
)


@dataclass(frozen=True, slots=True)
class ConfirmationMail:
    """The mail's parts."""

    subject: str
    html: str
    text: str


def confirmation_url(
    signer: Signer,
    public_url: str,
    account_id: str,
    profile_id: str,
    list_id: str,
    asked_at: datetime,
    name: UUID,
    email: str,
) -> str:
    """Return the address of the page that confirms; `name` is the mail's own id, `email` where it goes."""
    payload = Payload(
        Kind.CONFIRM,
        account_id,
        profile_id,
        delivery_id=name,
        message_id=list_id,
        url=fingerprint(email),
        expires_at=int((asked_at + GOOD_FOR).timestamp()),
    )
    return f"{public_url}/t/s/{signer.sign(payload)}"


def fingerprint(email: str) -> str:
    """Return what a link says of the address that it was sent to; the same for every spelling of one address.

    Our choice: a digest, so that addresses do not come to stand in the logs of web servers.
    """
    return blake2b((normal_email(email) or "").encode(), digest_size=12).hexdigest()


def is_for(payload: Payload, email: str | None) -> bool:
    """Return whether a link was sent to the address that a person has now.

    Our choice: an address that only still leads to the person, as those of merged profiles do, is not enough, because
    messages go to the one that the profile shows.
    """
    return email is not None and payload.url == fingerprint(email)


def sender_name(account: Account) -> str:
    """Return how the account calls itself to the people it writes to."""
    return str(account.organization.get("name") or account.sender_label or account.name)


def confirmation_mail(account: Account, list_name: str | None, url: str) -> ConfirmationMail:
    """Return the mail about a list, or about the account's e-mail as a whole."""
    sender = sender_name(account)
    what = f"{list_name} from {sender}" if list_name else f"e-mail from {sender}"
    subject = _one_line(f"Please confirm your subscription to {list_name or sender}")
    ask = f"Somebody, we think it was you, asked us to subscribe this address to {what}."
    leave = "If it was not you, do nothing: nobody is subscribed unless you press the button."
    address = str(account.organization.get("full_address") or "")
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        f'<body style="margin:0;background:#ffffff"><div style="{_STYLE}">'
        f'<h1 style="font-size:1.4rem">Please confirm your subscription</h1><p>{escape(ask)}</p>'
        f'<p><a href="{escape(url)}" style="{_BUTTON}">Confirm the subscription</a></p>'
        f"<p>Or open this address in your browser:<br>"
        f'<a href="{escape(url)}" style="word-break:break-all">{escape(url)}</a></p>'
        f'<p>{escape(leave)}</p><p style="color:#5b6475">{escape(sender)}<br>{escape(address)}</p></div></body></html>'
    )
    text = f"{ask}\n\nTo confirm, open this address and press the button:\n{url}\n\n{leave}\n\n{sender}\n{address}\n"
    return ConfirmationMail(subject, html, text.rstrip() + "\n")


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
