"""Independent judges of the figures: slow to import, so who asks them imports this in the test."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # their own warnings are not ours
    import lifelines
    import lifelines.statistics
    import lifelines.utils
    from lifelines.fitters.npmle import npmle
    from statsmodels.stats.multitest import multipletests
    from statsmodels.stats.proportion import proportion_confint
    from statsmodels.stats.rates import confint_poisson
    from statsmodels.stats.rates import test_poisson_2indep as poisson_2indep

__all__ = [
    "confint_poisson",
    "lifelines",
    "multipletests",
    "npmle",
    "poisson_2indep",
    "proportion_confint",
]
