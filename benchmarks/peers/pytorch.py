"""PyTorch: modules, `autograd`, fused Adam; eager, or with `torch.compile`."""

import copy
import itertools

import torch
from torch import nn
from torch.nn import functional

from peers import EPSILON, LAST_RATE, Problem, Program

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build(problem: Problem, compiled: bool = False) -> Program:
    """Both recipes: R1, average and cosine where the configuration has them."""
    config = problem.config
    generator_weights, discriminator_weights = problem.weights()
    generator = network(generator_weights)
    if config.output_activation == "sigmoid":
        generator.append(nn.Sigmoid())
    discriminator = network(discriminator_weights)
    average = copy.deepcopy(generator).requires_grad_(False)
    d_optimizer, d_schedule = adam(discriminator, config.learning_rate, config)
    g_optimizer, g_schedule = adam(
        generator, config.rate_ratio * config.learning_rate, config
    )

    def discriminator_loss(real, fake):
        real_logits, fake_logits = discriminator(torch.cat([real, fake])).chunk(2)
        return cross_entropy(real_logits, 1.0) + cross_entropy(fake_logits, 0.0)

    def generator_loss(noise):
        return cross_entropy(discriminator(generator(noise)), 1.0)

    def penalty(real):
        real = real.detach().requires_grad_()
        logits = discriminator(real).sum()
        (slope,) = torch.autograd.grad(logits, real, create_graph=True)
        return config.r1_every * config.r1_weight / 2 * slope.square().sum(1).mean()

    if compiled:
        discriminator_loss = torch.compile(discriminator_loss)
        generator_loss = torch.compile(generator_loss)

    def learn(real, noise, step):
        with torch.no_grad():
            fake = generator(noise[0])
        d_optimizer.zero_grad()
        d_loss = discriminator_loss(real, fake)
        d_loss.backward()
        if config.r1_weight and step % config.r1_every == 0:
            penalty(real).backward()
        d_optimizer.step()

        # D's gradients are not wanted here, and not computed.
        discriminator.requires_grad_(False)
        g_optimizer.zero_grad()
        g_loss = generator_loss(noise[1])
        g_loss.backward()
        g_optimizer.step()
        discriminator.requires_grad_(True)

        if config.decay_steps:
            d_schedule.step()
            g_schedule.step()
        if config.ema_decay:
            decay = min(config.ema_decay, (1 + step) / (4 + step))
            pairs = list(average.parameters()), list(generator.parameters())
            torch._foreach_lerp_(*pairs, 1 - decay)
        return d_loss, g_loss

    counter = itertools.count()
    batches = itertools.cycle(torch.from_numpy(problem.unit_batches()).to(DEVICE))

    def run(steps):
        for _ in range(steps):
            noise = torch.randn(problem.noise_shape, device=DEVICE)
            losses = learn(next(batches), noise, next(counter))
        return tuple(loss.item() for loss in losses)

    def step(real, noise):
        real, noise = (torch.from_numpy(array).to(DEVICE) for array in (real, noise))
        return tuple(loss.item() for loss in learn(real, noise, next(counter)))

    return Program(run, step)


def network(weights) -> nn.Sequential:
    """Dense relu layers with these weights, the last one linear."""
    layers = []
    for kernel, bias in zip(weights[::2], weights[1::2]):
        layer = nn.Linear(*kernel.shape)
        layer.load_state_dict(
            {"weight": torch.from_numpy(kernel.T), "bias": torch.from_numpy(bias)}
        )
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(DEVICE)


def adam(module, rate, config):
    """Fused Adam and the cosine its rate falls on."""
    optimizer = torch.optim.Adam(
        module.parameters(), rate, (config.beta_1, 0.999), eps=EPSILON, fused=True
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimizer, max(1, config.decay_steps), eta_min=LAST_RATE * rate
    )
    return optimizer, schedule


def cross_entropy(logits, label):
    """Mean binary cross entropy of logits against one label."""
    labels = torch.full_like(logits, label)
    return functional.binary_cross_entropy_with_logits(logits, labels)
