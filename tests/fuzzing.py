"""Asks an API what its own schema allows."""

import warnings
from typing import Any

from fastapi import FastAPI


def fuzz(app: FastAPI, path_regex: str, **chosen: Any) -> set[tuple[str, str]]:
    """Tries all operations of some paths; fails at a server's error or an answer that the schema does not know.

    Args:
        app: the application.
        path_regex: which paths.
        chosen: settings of hypothesis, such as `max_examples`.
    Returns:
        Method and path of each operation that was tried.
    """
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

    schema = schemathesis.openapi.from_asgi("/openapi.json", app).include(path_regex=path_regex)
    tried = set()
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
            **chosen,
        )
        @given(case=operation.as_strategy())
        def ask(case) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                case.call_and_validate(
                    checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
                )

        ask()
        tried.add((operation.method.upper(), operation.path))
    return tried
