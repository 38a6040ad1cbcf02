"""What runs in the machine and can be seen from outside it: its ports, and what a service answers; and templates."""

from typing import Literal
from urllib.parse import quote

from pydantic import Field

from backend.ai.toolbox import Arguments, Desk, Result, Tool
from backend.db import reading
from backend.errors import NotFound
from backend.guest import ports as guest
from backend.rules.agent_policy import Risk
from backend.rules.templates import Mode
from backend.services import applying, previews, processes, templates
from backend.services.processes import Order

_CHECK_S = 15


class Ports(Arguments):
    pass


class Http(Arguments):
    port: int = Field(ge=1, le=65535)
    path: str = "/"
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"] = "GET"
    body: str = ""
    content_type: str = "application/json"


class ApplyTemplate(Arguments):
    template: str = Field(description="Its slug; an empty one lists them.")


async def list_ports(desk: Desk, _given: Ports) -> Result:
    async with reading() as tx:
        door = await previews.ports(tx, await desk.actor(), desk.container_id)
    found = await guest.listening(await door.address())
    return Result("\n".join(f"{each.port}  {each.process}" for each in found) or "Nothing listens on a port.")


async def http(desk: Desk, given: Http) -> Result:
    path = quote("/" + given.path.lstrip("/"), safe="/?&=%:@!$'()*+,;~-._")
    words = [
        "curl", "-sS", "-i", "-m", str(_CHECK_S), "-X", given.method, f"http://127.0.0.1:{given.port}{path}",
    ]  # fmt: skip
    if given.body:
        words += ["-H", f"Content-Type: {given.content_type}", "--data-binary", "@-"]
    command = " ".join(_quoted(each) for each in words)
    order = Order(command, stdin=given.body.encode(), timeout_s=_CHECK_S + 5)
    done = await processes.run(await desk.actor(), desk.container_id, order)
    said = (done.outcome.stdout + done.outcome.stderr).decode(errors="replace").replace("\r\n", "\n")
    return Result(said or "It answered nothing.", ok=done.outcome.exit_code == 0)


async def apply_template(desk: Desk, given: ApplyTemplate) -> Result:
    actor = await desk.actor()
    async with reading() as tx:
        known = await templates.list_templates(tx, actor)
    if not given.template:
        return Result("\n".join(f"{each.slug}  {each.name}: {each.description}" for each in known))
    wanted = next((each for each in known if each.slug == given.template), None)
    if wanted is None:
        raise NotFound("That template")
    done = await applying.apply(actor, applying.Order(desk.container_id, wanted.id, mode=Mode.MERGE))
    return Result(f"{len(done.plan.created) + len(done.plan.changed)} files were put into {done.destination}.")


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


TOOLS = (
    Tool("ports", "What listens on ports of the machine.", Ports, list_ports, lambda _: "Ports that are open"),
    Tool(
        "http",
        "Ask a service in the machine over HTTP, to see that it answers. Only its own ports, not the internet.",
        Http,
        http,
        lambda a: f"{a.method} :{a.port}{a.path}",
        lambda a: (Risk.LOOK if a.method in ("GET", "HEAD") else Risk.RUN, ""),
    ),
    Tool(
        "template",
        "Put the files of a template into /app; what stands there with another content is overwritten.",
        ApplyTemplate,
        apply_template,
        lambda a: f"Apply the template {a.template}" if a.template else "List the templates",
        lambda a: (Risk.EDIT if a.template else Risk.LOOK, ""),
    ),
)
