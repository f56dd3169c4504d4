"""Queue triggers: changed records, the pump, import pages, and what the host gave up on."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING

import azure.functions as func
import msgspec

from bc.model import ImportPageMessage

if TYPE_CHECKING:
    from bc.services import Services

CONNECTION = "AzureWebJobsStorage"
log = logging.getLogger("bc.queues")
blueprint = func.Blueprint()


def body_of(msg: func.QueueMessage) -> bytes:
    """The message's text. host.json leaves Base64 to us: what the host cannot decode it would put on the poison
    queue, where no function could read it either, and it would stay there unseen."""
    raw = msg.get_body()
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        return raw


async def _services() -> Services:
    from bc.services import services

    return await services()


@blueprint.function_name("entity_sync")
@blueprint.queue_trigger("msg", "entity-sync", CONNECTION)
async def entity_sync(msg: func.QueueMessage) -> None:
    """Mark the record dirty; a text that is no such message becomes an error row instead of a loop."""
    from bc.sync.intake import NotUnderstood, check_connection, parse, reject, take, was_marked

    services = await _services()
    body = body_of(msg)
    try:
        change = parse(body)
        if was_marked(change):
            return
        await check_connection(services, change)
    except NotUnderstood as error:
        await reject(services, body, str(error), msg.id or "", msg.insertion_time)
        return
    await take(services, change)


@blueprint.function_name("entity_sync_poison")
@blueprint.queue_trigger("msg", "entity-sync-poison", CONNECTION)
async def entity_sync_poison(msg: func.QueueMessage) -> None:
    """What the host could not decode or we failed on five times: an error row with its text."""
    from bc.sync.intake import NotUnderstood, parse, reject

    services = await _services()
    body = body_of(msg)
    try:
        parse(body)
        reason = "The message failed five times. Retry puts it on the queue again."
    except NotUnderstood as error:
        reason = str(error)
    await reject(services, body, reason, msg.id or "", msg.insertion_time)


@blueprint.function_name("pump")
@blueprint.queue_trigger("msg", "pump", CONNECTION)
async def pump(msg: func.QueueMessage) -> None:
    """Push what is dirty, unless another instance does already."""
    from bc.sync.pump import Pump

    services = await _services()
    await services.woken()
    await Pump(services).run()


@blueprint.function_name("pump_poison")
@blueprint.queue_trigger("msg", "pump-poison", CONNECTION)
async def pump_poison(msg: func.QueueMessage) -> None:
    """A wake-up is no record: arm the pump again."""
    log.warning("a wake-up of the pump failed five times; waking it again")
    services = await _services()
    await services.wake(delay=10)


@blueprint.function_name("import_pages")
@blueprint.queue_trigger("msg", "import-pages", CONNECTION)
async def import_pages(msg: func.QueueMessage) -> None:
    """Go on with a job: one page of an import, a few minutes of anything else."""
    from bc.jobs.run import run_job

    services = await _services()
    await run_job(services, msgspec.json.decode(body_of(msg), type=ImportPageMessage))


@blueprint.function_name("import_pages_poison")
@blueprint.queue_trigger("msg", "import-pages-poison", CONNECTION)
async def import_pages_poison(msg: func.QueueMessage) -> None:
    """A page that failed five times ends its job as failed, with the way to go on."""
    from bc.jobs.run import give_up
    from bc.sync.intake import reject

    services = await _services()
    body = body_of(msg)
    try:
        message = msgspec.json.decode(body, type=ImportPageMessage)
    except msgspec.DecodeError as error:
        await reject(
            services,
            body,
            f"This import message is not understood: {error}.",
            msg.id or "",
            msg.insertion_time,
        )
        return
    await give_up(services, message)
