"""etc/clients/litellm, with a router that has what the hook uses of LiteLLM's: see its docstring for the source."""
import asyncio
import datetime
import importlib.util
import sys

import pytest

from harness import REPO, wait_for
from made import good

for name, folder in (("providerd_client", "python"), ("providerd_routing", "litellm")):
    spec = importlib.util.spec_from_file_location(name, REPO / f"etc/clients/{folder}/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(sys.modules[name])

from providerd_client import ProviderTracker  # noqa: E402
from providerd_routing import ProviderdReports, install, provider_of  # noqa: E402


class Router:
    """Chooses the last deployment of a model, so that it can be told from the hook's choice."""

    def __init__(self, model_list):
        self.model_list = model_list

    def get_available_deployment(self, model, messages=None, input=None, specific_deployment=False, request_kwargs=None):
        return [deployment for deployment in self.model_list if deployment["model_name"] == model][-1]

    async def async_get_available_deployment(self, model, request_kwargs=None, messages=None, input=None,
                                             specific_deployment=False):
        return Router.get_available_deployment(self, model)

    def set_custom_routing_strategy(self, strategy):
        setattr(self, "get_available_deployment", strategy.get_available_deployment)
        setattr(self, "async_get_available_deployment", strategy.async_get_available_deployment)


def deployment(model, name="llama", **info):
    return {"model_name": name, "litellm_params": {"model": model}, "model_info": info}


MODELS = [deployment("together_ai/llama"), deployment("groq/llama"), deployment("openai/llama", providerd="mistral"),
          deployment("elsewhere/other", "other")]


@pytest.mark.parametrize("given, provider", zip(MODELS, ["together", "groq", "mistral", "elsewhere"]))
def test_whose_a_deployment_is(given, provider):
    assert provider_of(given) == provider


def test_the_best_providers_deployment_is_chosen(made):
    running = made({"groq": good(20.0), "mistral": good(30.0), "together": {1: {"ms": 10.0}, 2: {"ms": 99.0}}})
    router = Router(MODELS)
    install(router, ProviderTracker(running.url, timeout=10))

    def chosen():
        return provider_of(router.get_available_deployment(model="llama"))
    wait_for(lambda: chosen() == "together")
    running.check("together")
    wait_for(lambda: chosen() == "groq")
    assert provider_of(asyncio.run(router.async_get_available_deployment(model="llama"))) == "groq"
    assert provider_of(router.get_available_deployment(model="other")) == "elsewhere"
    assert provider_of(router.get_available_deployment(model="llama", specific_deployment=True)) == "mistral"


def test_without_providerd_the_router_chooses_itself(made):
    running = made({"groq": good(20.0)})
    router = Router(MODELS)
    install(router, ProviderTracker(running.url))
    running.stop()
    assert provider_of(router.get_available_deployment(model="llama")) == "mistral"
    assert provider_of(asyncio.run(router.async_get_available_deployment(model="llama"))) == "mistral"


class Refused(Exception):
    """As LiteLLM's exceptions are: with a status and the provider's response."""

    def __init__(self, status_code, **headers):
        super().__init__("slow down")
        self.status_code = status_code
        self.response = type("Response", (), {"headers": headers})()


class Timeout(Exception):
    status_code = 408


def test_calls_are_reported(made):
    running = made({"groq": good(20.0), "together": good(10.0)})
    tracker = ProviderTracker(running.url, timeout=10)
    reports = ProviderdReports(tracker)
    began = datetime.datetime.now()
    ended = began + datetime.timedelta(seconds=1)
    answer = type("ModelResponse", (), {})()
    answer._hidden_params = {"additional_headers": {"llm_provider-x-ratelimit-limit-requests": "100",
                                                    "llm_provider-x-ratelimit-remaining-requests": "60"}}
    answer.usage = type("Usage", (), {"total_tokens": 30})()
    groq = {"model": "llama-3.3-70b", "custom_llm_provider": "groq", "litellm_params": {}}
    together = {"model": "llama", "litellm_params": {"model_info": {"providerd": "together"}}}
    reports.log_success_event(groq, answer, began, ended)
    asyncio.run(reports.async_log_failure_event({**groq, "exception": Refused(429, **{"retry-after": "60"})}, None, began, ended))
    reports.log_failure_event({**together, "exception": Timeout("Request timed out")}, None, began, ended)
    assert tracker.flush(30)
    cooling = wait_for(lambda: len(found := running.get("/api/providers/cooldowns").json["cooldowns"]) == 2 and found)
    assert [(c["provider"], c["model"], c["reason"]) for c in cooling] == [
        ("groq", "llama-3.3-70b", "rate"), ("together", "llama", "timeout")]
    limit, = wait_for(lambda: tracker.status("groq")["rate_limit"])
    assert (limit["limit"], limit["remaining"]) == (100, 60)
