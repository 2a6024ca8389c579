"""Where compiled programs are kept between runs."""

from __future__ import annotations

from nonet.foundation.packaged import cache_folder

__all__ = ["keep_compiled"]


def keep_compiled() -> None:
    """Lets JAX keep what took long to compile in the user's cache."""
    import jax

    jax.config.update("jax_compilation_cache_dir", str(cache_folder() / "jax"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
