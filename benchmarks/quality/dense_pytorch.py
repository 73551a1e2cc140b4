"""The popular dense GAN for PyTorch, as its configuration has it.

Generator 128, 256, 512, 1024 with batch normalization (eps 0.8), LeakyReLU 0.2 and
tanh; discriminator 512, 256 with LeakyReLU 0.2; batch 64, Adam 2e-4 with beta1 0.5; G
first, then D on the same samples, half the sum of both losses. The images lie in
memory; its own loader decodes one image at a time and is slower.
"""

import numpy as np
import torch
from clock import COUNT, Clock
from torch import nn


def main() -> None:
    """Trains until the time is over."""
    clock = Clock()
    torch.manual_seed(clock.seed)
    with np.load(clock.data) as file:
        images = torch.from_numpy(file["images"].reshape(-1, 784)).float() / 127.5 - 1
    generator, discriminator = networks()
    g_optimizer, d_optimizer = (
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
        for network in (generator, discriminator)
    )
    loss, ones, zeros = nn.BCELoss(), torch.ones(64, 1), torch.zeros(64, 1)

    def sample():
        generator.eval()
        with torch.no_grad():
            samples = generator(torch.randn(COUNT, 100)) / 2 + 0.5
        generator.train()
        return samples.numpy()

    while True:
        for rows in torch.randperm(len(images)).split(64)[:-1]:
            g_optimizer.zero_grad()
            fake = generator(torch.randn(64, 100))
            loss(discriminator(fake), ones).backward()
            g_optimizer.step()
            d_optimizer.zero_grad()
            real_loss = loss(discriminator(images[rows]), ones)
            fake_loss = loss(discriminator(fake.detach()), zeros)
            ((real_loss + fake_loss) / 2).backward()
            d_optimizer.step()
            if not clock.tick(sample):
                return


def networks() -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator."""
    layers = [nn.Linear(100, 128), nn.LeakyReLU(0.2)]
    for before, units in ((128, 256), (256, 512), (512, 1024)):
        layers += [nn.Linear(before, units), nn.BatchNorm1d(units, 0.8)]
        layers += [nn.LeakyReLU(0.2)]
    generator = nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())
    discriminator = nn.Sequential(
        nn.Linear(784, 512),
        nn.LeakyReLU(0.2),
        nn.Linear(512, 256),
        nn.LeakyReLU(0.2),
        nn.Linear(256, 1),
        nn.Sigmoid(),
    )
    return generator, discriminator


main()
