"""The Azure Functions app: registers the blueprints, nothing else."""

import azure.functions as func

from bc.functions import api, auth, console, halo, health, queues, timers

app = func.FunctionApp()
for module in (api, auth, console, halo, health, queues, timers):
    app.register_functions(module.blueprint)
