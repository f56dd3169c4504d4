"""A tiny function app: one function for each thing the host must do."""

import asyncio
import json
import logging
import os
from pathlib import Path
from typing import List  # noqa: UP035  the worker library does not read list[str]

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
diary = Path(os.environ["DIARY"])


def note(line: str) -> None:
    """Write a line to the diary the tests read; append is atomic for short lines."""
    with diary.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@app.route(route="echo/{name:int?}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    logging.getLogger("host_app").info("echoed")
    content = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
        "setting": os.environ.get("A_SETTING"),
    }
    return func.HttpResponse(json.dumps(content), mimetype="application/json")


@app.route(route="echo/literal", methods=["GET"])
async def literal(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("literal")


@app.route(route="files/{*rest}", methods=["GET"])
async def files(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params.get("rest", ""))


@app.route(route="{ignored:maxlength(0)?}", methods=["GET"])
async def home(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("home")


@app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION)
async def guarded(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route(route="cookies", methods=["GET"])
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    answer = func.HttpResponse("two", status_code=303, headers={"Location": "/elsewhere", "X-Own": "yes"})
    answer.headers.add("Set-Cookie", "first=a=b; Path=/auth; HttpOnly; SameSite=Lax; Max-Age=600")
    answer.headers.add("Set-Cookie", "second=; Path=/; Secure; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
    return answer


@app.route(route="broken", methods=["GET"])
async def broken(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("it broke")


@app.route(route="slow", methods=["GET"])
async def slow(req: func.HttpRequest) -> func.HttpResponse:
    note("slow began")
    await asyncio.sleep(float(req.params.get("seconds", "1")))
    note("slow ended")
    return func.HttpResponse("at last")


@app.route(route="threaded", methods=["GET"])
def threaded(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("threaded")


@app.route(route="put", methods=["POST"])
@app.queue_output(arg_name="out", queue_name="jobs", connection="AzureWebJobsStorage")
async def put(req: func.HttpRequest, out: func.Out[List[str]]) -> func.HttpResponse:  # noqa: UP006
    out.set(json.loads(req.get_body()))
    return func.HttpResponse(status_code=202)


@app.queue_trigger(arg_name="msg", queue_name="%JOBS%", connection="AzureWebJobsStorage")
async def jobs(msg: func.QueueMessage) -> None:
    text = msg.get_body().decode()
    note(f"job {text} {msg.dequeue_count} {os.getpid()}")
    match text.split(":"):
        case ["fail"]:
            raise ValueError("as asked")
        case ["once"] if (msg.dequeue_count or 0) < 2:
            raise ValueError("the first time only")
        case ["sleep", seconds, *_]:
            await asyncio.sleep(float(seconds))
    note(f"done {text} {os.getpid()}")


@app.timer_trigger(arg_name="timer", schedule="* * * * * *")
async def every_second(timer: func.TimerRequest) -> None:
    note(f"tick {os.getpid()}")


@app.timer_trigger(arg_name="timer", schedule="0 0 */2 * * *")
async def seldom(timer: func.TimerRequest) -> None:
    note(f"seldom {timer.past_due}")
