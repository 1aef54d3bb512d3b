"""The training environment for Gymnasium."""

import warnings

import numpy as np
import pytest

gymnasium = pytest.importorskip("gymnasium")


def test_gymnasium_checks_it():
    from evscale.gym import ScalingEnv
    from gymnasium.utils.env_checker import check_env

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(ScalingEnv(days=1.5), skip_render_check=True)


def test_many_pools_are_the_same_from_the_same_seed():
    from evscale.gym import ScalingVectorEnv

    pools = ScalingVectorEnv(num_envs=3, days=1.5)

    def play(seed):
        seen, _ = pools.reset(seed=seed)
        assert seen in pools.observation_space
        out = [seen]
        for _ in range(20):
            seen, rewards, ended, cut, _ = pools.step(np.full(3, pools.analytic_action))
            assert seen in pools.observation_space and not ended.any() and cut.dtype == bool
            out += [seen, rewards]
        return np.concatenate([part.ravel() for part in out])

    assert np.array_equal(play(1), play(1)) and not np.array_equal(play(1), play(2))


def test_nonsense_is_refused():
    import evscale
    from evscale.gym import ScalingVectorEnv

    with pytest.raises(evscale.ArgumentError, match="num_envs"):
        ScalingVectorEnv(num_envs=0)
    with pytest.raises(evscale.ArgumentError, match="actions"):
        ScalingVectorEnv(num_envs=2, days=1.5).step(np.array([0, 99]))
