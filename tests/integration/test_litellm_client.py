"""etc/clients/litellm, with a router that has what the hook uses of LiteLLM's: see its docstring for the source."""
import asyncio
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
from providerd_routing import install, provider_of  # noqa: E402


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
