"""Learn to balance a pole on a cart, by trial and error: an actor-critic.

    python examples/actor_critic.py

The cart moves on a track; at each step a force pushes it left or right. An episode ends when the
pole leans more than 12 degrees or the cart leaves the track, at the latest after 500 steps. The
physics, a few lines of NumPy, is that of Barto, Sutton and Anderson (1983), as in Gym's CartPole.
Sixteen carts at once are played for 100,000 steps together, which takes some seconds; then nearly
every episode of the greedy policy lasts all 500 steps (pushing at random: 22). It writes
runs/actor_critic.png: the lengths of the episodes played in training, an episode step by step, and
what the critic thinks of the positions of the pole.

The actor gives the probability of each push, the critic what reward is still to come; both are
trained on stretches of 32 steps: the actor makes pushes more likely that turned out better than the
critic expected (generalized advantage estimation, Schulman et al., 2016), but not by more than a
fifth at a time (proximal policy optimization, Schulman et al., 2017).

Needs tqdm and matplotlib: pip install "cgrad[examples]".
"""
from __future__ import annotations

import argparse
import sys

import numpy as np

import cgrad
import cgrad.nn.functional as F
from cgrad import nn
from cgrad.distributions import Categorical
from cgrad.optim import Adam
from support import options, positive, start

LIMIT = 500  # steps of an episode


class Carts:
    """Several carts with poles; a row of ``state`` is position, speed, angle, angular speed."""

    def __init__(self, count: int, rng: np.random.Generator):
        self.rng = rng
        self.state = rng.uniform(-0.05, 0.05, (count, 4))
        self.steps = np.zeros(count, int)

    def step(self, push: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Push each cart left (0) or right (1) for 0.02 s.

        Returns which poles have fallen and which episodes are over; those begin anew.
        """
        x, speed, angle, turn = self.state.T
        # Masses: cart 1 kg, pole 0.1 kg; half of the pole: 0.5 m; force: 10 N.
        force = np.where(push == 1, 10.0, -10.0)
        pull = (force + 0.05 * turn**2 * np.sin(angle)) / 1.1
        angular = (9.8 * np.sin(angle) - np.cos(angle) * pull) / (
            0.5 * (4 / 3 - 0.1 * np.cos(angle) ** 2 / 1.1)
        )
        linear = pull - 0.05 * angular * np.cos(angle) / 1.1
        self.state = np.stack([x + 0.02 * speed, speed + 0.02 * linear,
                               angle + 0.02 * turn, turn + 0.02 * angular], axis=1)  # fmt: skip
        self.steps += 1
        fallen = (abs(self.state[:, 0]) > 2.4) | (abs(self.state[:, 2]) > np.radians(12))
        over = fallen | (self.steps == LIMIT)
        self.last, self.lengths = self.state.copy(), self.steps[over]
        self.state[over] = self.rng.uniform(-0.05, 0.05, (int(over.sum()), 4))
        self.steps[over] = 0
        return fallen, over


def observed(state: np.ndarray) -> cgrad.Tensor:
    """States as the networks see them, all numbers of about one size."""
    return cgrad.from_numpy((state / (2.4, 2.0, 0.2, 2.0)).astype(np.float32))


class ActorCritic(nn.Module):
    """Two networks with one hidden layer each."""

    def __init__(self, width: int):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, x: cgrad.Tensor) -> tuple[Categorical, cgrad.Tensor]:
        return Categorical(logits=self.actor(x)), self.value(x)

    def value(self, x: cgrad.Tensor) -> cgrad.Tensor:
        """The steps still to come, each discounted; up to 100, with outputs of about 1."""
        return 100 * self.critic(x).squeeze(-1)


def play(model: ActorCritic, carts: Carts, steps: int, discount: float, trace: float) -> tuple:
    """Play on; return states, pushes, advantages, aims of the critic and lengths of episodes."""
    states, pushes, values, deltas, over_at, lengths = [], [], [], [], [], []
    with cgrad.no_grad():
        for _ in range(steps):
            x = observed(carts.state)
            policy, value = model(x)
            push = policy.sample()
            fallen, over = carts.step(push.numpy())
            after = model.value(observed(carts.last)).numpy()
            # The limit of 500 steps is no failure: what would have come counts.
            deltas.append(1.0 + discount * after * ~fallen - value.numpy())
            states.append(x), pushes.append(push), values.append(value.numpy())
            over_at.append(over), lengths.extend(carts.lengths.tolist())
    advantages = np.zeros((steps, len(over)), np.float32)
    following = np.zeros(len(over))
    for t in reversed(range(steps)):
        following = deltas[t] + discount * trace * following * ~over_at[t]
        advantages[t] = following
    aims = advantages + np.stack(values)
    flat = [cgrad.from_numpy(a.astype(np.float32).ravel()) for a in (advantages, aims)]
    return cgrad.cat(states), cgrad.cat(pushes), *flat, lengths


@cgrad.no_grad()
def lengths_of(model: ActorCritic | None, episodes: int, rng: np.random.Generator) -> np.ndarray:
    """Lengths of episodes of the greedy policy, or of random pushes."""
    carts = Carts(episodes, rng)
    lengths = np.zeros(episodes, int)
    while not lengths.all():
        push = (rng.integers(0, 2, episodes) if model is None
                else model.actor(observed(carts.state)).argmax(1).numpy())  # fmt: skip
        over = carts.step(push)[1]
        first = over & (lengths == 0)
        lengths[first] = carts.lengths[first[over]]
    return lengths


def run(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    rng = np.random.default_rng(given.seed)
    total = 20_000 if given.fast else given.steps
    count, stretch = 16, 32
    model = ActorCritic(64)
    optimizer = Adam(model.parameters(), lr=given.lr)
    carts = Carts(count, rng)
    history: list[tuple[int, int]] = []  # steps played so far, length of an episode
    with tqdm(total=total, unit="step") as bar:
        while bar.n < total:
            for group in optimizer.param_groups:
                group["lr"] = given.lr * max(1 - bar.n / total, 0.05)
            x, push, advantage, aim, lengths = play(model, carts, stretch, 0.99, 0.95)
            with cgrad.no_grad():
                before = model(x)[0].log_prob(push)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
            for part in cgrad.randperm(len(x)).repeat(4).split(128):  # four times in small parts
                policy, value = model(x[part])
                ratio = (policy.log_prob(push[part]) - before[part]).exp()
                gain = advantage[part]
                loss = (-cgrad.minimum(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
                        + F.mse_loss(value / 100, aim[part] / 100)
                        - 0.01 * policy.entropy().mean())  # fmt: skip
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
                optimizer.step()
            history += [(bar.n, length) for length in lengths]
            recent = [length for _, length in history[-50:]] or [0]
            bar.set_postfix_str(f"episodes of {np.mean(recent):.0f} steps", refresh=False)
            bar.update(min(count * stretch, total - bar.n))
    test = lengths_of(model, 100, np.random.default_rng(given.seed + 1))
    random = lengths_of(None, 100, np.random.default_rng(given.seed + 1))
    draw(model, history, given.seed, given.out)
    print(f"episodes of the greedy policy: {test.mean():.0f} steps on average, "
          f"{(test == LIMIT).mean():.0%} to the end (at random: {random.mean():.0f}); "
          f"see {given.out}")  # fmt: skip


@cgrad.no_grad()
def draw(model: ActorCritic, history: list[tuple[int, int]], seed: int, path: str) -> None:
    """Draw the lengths of episodes over time, one episode, and the critic's opinion."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    played, lengths = np.array(history or [(0, 0)]).T
    left.plot(played, lengths, ".", ms=3, alpha=0.3, color="C0", label="one episode")
    width = min(50, len(lengths))
    mean = np.convolve(lengths, np.ones(width) / width, "valid")
    left.plot(played[width - 1 :], mean, color="C1", label=f"mean of {width}")
    left.set(xlabel="steps played", ylabel="length of the episode (steps)", title="training",
             ylim=(0, LIMIT * 1.15))  # fmt: skip
    left.locator_params(axis="x", nbins=5)  # more would run into each other
    left.legend(loc="upper center", ncols=2)  # above all episodes

    carts = Carts(1, np.random.default_rng(seed + 2))
    path_taken = []
    for _ in range(LIMIT):
        path_taken.append(carts.state[0].copy())
        if carts.step(model.actor(observed(carts.state)).argmax(1).numpy())[1][0]:
            break
    way = np.array(path_taken)
    time = 0.02 * np.arange(len(way))
    middle.plot(time, way[:, 0], color="C0", label="position (m)")
    middle.plot(time, np.degrees(way[:, 2]), color="C1", label="angle (degrees)")
    middle.axhline(0, color="0.7", lw=0.8, zorder=0)
    middle.set(xlabel="time (s)", title=f"an episode of the greedy policy: {len(way)} steps")
    middle.legend()

    angle, turn = np.meshgrid(np.linspace(-12, 12, 61), np.linspace(-2, 2, 61))
    grid = np.stack([0 * angle, 0 * angle, np.radians(angle), turn], axis=-1).reshape(-1, 4)
    value = model.value(observed(grid)).reshape(61, 61).numpy()
    image = right.pcolormesh(angle, turn, value, cmap="viridis", shading="gouraud")
    figure.colorbar(image, ax=right, label="discounted steps still to come")
    right.set(xlabel="angle (degrees)", ylabel="angular speed (rad/s)",
              title="what the critic expects, cart at rest")  # fmt: skip
    figure.savefig(path, dpi=110)


def main(argv: list[str] | None = None) -> int:
    parser = options("actor_critic.py", __doc__, epochs=None, out="runs/actor_critic.png")
    add = parser.add_argument
    add("--steps", type=positive(int), default=100_000, help="to play (%(default)s)")
    add("--lr", type=positive(float), default=2e-3, help="at the start (%(default)s)")
    return start(run, parser, argv)


if __name__ == "__main__":
    sys.exit(main())
