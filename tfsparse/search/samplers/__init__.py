"""Samplers for Optuna: they choose what a search tries next."""

from tfsparse.arguments import check_int
from tfsparse.search.requirements import require

# The packages that each one needs.
_SAMPLERS = {
    "tpe": ("optuna",),
    "gp": ("optuna", "scipy", "torch"),
    "cmaes": ("optuna", "cmaes"),
    "ddpg": ("optuna",),
    "random": ("optuna",),
}


def make_sampler(name="tpe", seed=None, *, num_trials=200):
    """Returns a sampler for an Optuna study.

    Args:
        name: `"tpe"`, tree-structured Parzen estimators; `"gp"`, Gaussian processes; `"cmaes"`,
            evolution strategy with an adapted covariance matrix; `"ddpg"`, reinforcement learning
            with a `DDPGSampler`; or `"random"`.
        seed: Int, or None for a random one. Each process that works on a study needs another seed,
            else they try the same; only `"ddpg"` does not.
        num_trials: Int, the trials that are planned; `"ddpg"` begins with a random quarter.

    Returns:
        An `optuna.samplers.BaseSampler`.

    Raises:
        ImportError: A package that the sampler needs is not installed.
        ValueError: There is no such sampler, or an argument is out of its range.
    """
    if name not in _SAMPLERS:
        raise ValueError(f"Expected a sampler: {', '.join(_SAMPLERS)}. Received: {name!r}")
    if seed is not None:
        check_int("seed", seed, least=0)
    for package in _SAMPLERS[name]:
        require(package, f"The sampler {name!r}")
    from optuna import samplers

    if name == "ddpg":
        from tfsparse.search.samplers.ddpg import DDPGSampler

        return DDPGSampler(seed, num_trials=num_trials)
    if name == "tpe":
        # Parameters depend on each other: the layers share one target. Trials that other processes
        # are running count as bad, so that none is repeated.
        return samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
    if name == "gp":
        return samplers.GPSampler(seed=seed)
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed)
    return samplers.RandomSampler(seed=seed)
