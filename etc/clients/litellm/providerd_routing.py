"""LiteLLM's router, choosing deployments as providerd says. An example: LiteLLM is no part of Debian, so its tests play the router.

    from litellm import Router
    from providerd_client import ProviderTracker
    from providerd_routing import install

    router = Router(model_list=[...])
    install(router, ProviderTracker("http://127.0.0.1:8000"))

A deployment belongs to the provider that its `model_info` names (`"model_info": {"providerd": "groq"}`), or else to the one before
the "/" of its model ("groq/llama-3.3-70b-versatile"; "together_ai" is providerd's "together"). Of the deployments of the model that
was asked for, the one whose provider stands first in providerd's ranking is used. While providerd has nothing to say (it is away, or
none of these providers is watched) LiteLLM chooses as it would without it.

What became of each call is reported back, with the limits that its headers told: so providerd knows of a failure before its next
check, and `GET /api/providers/cooldowns` shows what cools and until when.

Source: LiteLLM's CustomRoutingStrategyBase and Router.set_custom_routing_strategy (litellm/types/router.py, litellm/router.py),
https://docs.litellm.ai/docs/router/learn/strategies; its CustomLogger (litellm/integrations/custom_logger.py) and
https://docs.litellm.ai/docs/observability/custom_callback, where a response's `_hidden_params["additional_headers"]` holds the
provider's headers with "llm_provider-" before their names. All read 2026-11-24.
"""
from __future__ import annotations

import asyncio
from typing import Any, Optional

from providerd_client import ProviderdError, ProviderdUnreachable, ProviderTracker

try:
    import litellm
    from litellm.integrations.custom_logger import CustomLogger
    from litellm.types.router import CustomRoutingStrategyBase
except ImportError:  # to be read, and tested, without it
    litellm, CustomLogger, CustomRoutingStrategyBase = None, object, object

OTHER_NAMES = {"together_ai": "together", "nvidia_nim": "nvidia", "azure": "azure_openai", "vertex_ai": "vertex",
               "fireworks_ai": "fireworks", "github": "github_models"}


def provider_of(deployment: dict[str, Any]) -> str:
    """The name of a deployment's provider in providerd."""
    named = (deployment.get("model_info") or {}).get("providerd")
    prefix = str(deployment["litellm_params"]["model"]).split("/", 1)[0]
    return named or OTHER_NAMES.get(prefix, prefix)


class ProviderdRouting(CustomRoutingStrategyBase):
    """`router` is asked for what it would choose itself only where providerd does not know."""

    def __init__(self, router: Any, tracker: ProviderTracker):
        self.router = router
        self.tracker = tracker
        self.own = router.get_available_deployment  # before they are replaced
        self.own_async = router.async_get_available_deployment

    def _ranked(self, candidates: list[dict[str, Any]]) -> Optional[dict[str, Any]]:
        """The candidate whose provider is best; None when nothing is known. May wait for providerd's answer."""
        try:
            best = self.tracker.best(any=True)
        except (ProviderdUnreachable, ProviderdError):
            return None
        by_provider = {provider_of(candidate): candidate for candidate in reversed(candidates)}
        return next((by_provider[name] for name in best if name in by_provider), None)

    def _candidates(self, model: str) -> list[dict[str, Any]]:
        return [deployment for deployment in self.router.model_list if deployment["model_name"] == model]

    def get_available_deployment(self, model: str, messages: Any = None, input: Any = None,
                                 specific_deployment: Optional[bool] = False, request_kwargs: Optional[dict] = None):
        chosen = None if specific_deployment else self._ranked(self._candidates(model))
        return chosen or self.own(model=model, messages=messages, input=input, specific_deployment=specific_deployment,
                                  request_kwargs=request_kwargs)

    async def async_get_available_deployment(self, model: str, messages: Any = None, input: Any = None,
                                             specific_deployment: Optional[bool] = False,
                                             request_kwargs: Optional[dict] = None, **others: Any):
        chosen = None
        if not specific_deployment:
            chosen = await asyncio.to_thread(self._ranked, self._candidates(model))
        return chosen or await self.own_async(model=model, messages=messages, input=input,
                                              specific_deployment=specific_deployment, request_kwargs=request_kwargs, **others)


class ProviderdReports(CustomLogger):
    """A callback of LiteLLM: reports each call to providerd. It never waits: the tracker sends from a thread of its own."""

    def __init__(self, tracker: ProviderTracker):
        super().__init__()
        self.tracker = tracker

    @staticmethod
    def _known(kwargs: dict[str, Any], began: Any, ended: Any) -> dict[str, Any]:
        params = kwargs.get("litellm_params") or {}
        prefix = kwargs.get("custom_llm_provider") or params.get("custom_llm_provider") or ""
        named = (params.get("model_info") or {}).get("providerd")
        model = str(kwargs.get("model") or "")
        return {"provider": named or OTHER_NAMES.get(prefix, prefix), "model": model.removeprefix(prefix + "/") or None,
                "latency_ms": (ended - began).total_seconds() * 1000}

    def log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        headers = (getattr(response_obj, "_hidden_params", None) or {}).get("additional_headers") or {}
        usage = getattr(response_obj, "usage", None)
        self.tracker.report(**self._known(kwargs, start_time, end_time), outcome="ok", tokens=getattr(usage, "total_tokens", None),
                            headers={str(name).removeprefix("llm_provider-"): value for name, value in dict(headers).items()})

    def log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        error = kwargs.get("exception")
        status = getattr(error, "status_code", None)
        status = status if isinstance(status, int) and 100 <= status <= 599 else None
        timed_out = isinstance(error, TimeoutError) or type(error).__name__ == "Timeout"
        headers = getattr(getattr(error, "response", None), "headers", None)
        self.tracker.report(**self._known(kwargs, start_time, end_time), status=status, headers=headers,
                            outcome="timeout" if timed_out else None if status else "failed", error=str(error)[:2000])

    async def async_log_success_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.log_success_event(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any) -> None:
        self.log_failure_event(kwargs, response_obj, start_time, end_time)


def install(router: Any, tracker: ProviderTracker) -> ProviderdRouting:
    """Has the router choose by providerd from now on, and every call reported."""
    strategy = ProviderdRouting(router, tracker)
    router.set_custom_routing_strategy(strategy)
    if litellm is not None:
        litellm.callbacks.append(ProviderdReports(tracker))
    return strategy
