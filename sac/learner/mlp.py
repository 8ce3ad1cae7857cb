"""Forward and backward pass of a multi-layer perceptron with ReLU, written out.

The gradients are those of autograd (a test compares them). Written out, every product goes through `matmul`,
gradients land in the optimizer's flat buffer, and passes that nobody needs are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sac.numerics.matmul import Matmul


@dataclass(frozen=True)
class Layer:
    """One layer's parameters and the buffers that its gradients are written to.

    Weights are (in, out) and biases (out,); an ensemble of E networks has (E, in, out) and (E, 1, out).
    """

    weight: torch.Tensor
    bias: torch.Tensor
    weight_gradient: torch.Tensor
    bias_gradient: torch.Tensor


Layers = tuple[Layer, ...]


def forward(matmul: Matmul, layers: Layers, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the network's input and the output of each layer, with a ReLU after every layer but the last.

    Args:
        matmul: multiplies.
        layers: from the first to the last.
        x: (B, in); every network of an ensemble sees it.

    Returns:
        The input (B, in), then (B, out) of each layer, or (E, B, out) of an ensemble.
    """
    activations = [x]
    for layer in layers[:-1]:
        activations.append(matmul.linear(activations[-1], layer.weight, layer.bias, relu=True))
    activations.append(_last_forward(matmul, layers[-1], activations[-1]))
    return activations


def backward(
    matmul: Matmul,
    layers: Layers,
    activations: list[torch.Tensor],
    gradient: torch.Tensor,
    *,
    parameters: bool,
    inputs: slice | None,
) -> torch.Tensor | None:
    """Propagate a gradient from the network's output to its parameters, to its inputs, or to both.

    Args:
        matmul: multiplies.
        layers: as in `forward`.
        activations: what `forward` returned.
        gradient: of the loss by the network's output, in the output's shape.
        parameters: write the gradients of weights and biases into the layers' buffers.
        inputs: columns of the network's input whose gradient is wanted.

    Returns:
        (B, columns), or (E, B, columns) of an ensemble; None if `inputs` is None.
    """
    for depth in range(len(layers) - 1, -1, -1):
        layer, below = layers[depth], activations[depth]
        last = depth == len(layers) - 1
        if parameters:
            _parameter_gradients(matmul, layer, below, gradient, last=last)
        if depth > 0:
            gradient = _input_gradient(matmul, layer.weight, gradient, last=last)
            # relu'(z) is 1 where relu(z) is positive.
            torch.ops.aten.threshold_backward.grad_input(gradient, below, 0, grad_input=gradient)
    if inputs is None:
        return None
    return matmul.input_gradient(gradient, layers[0].weight[..., inputs, :])


def _is_scalar(layer: Layer) -> bool:
    """Whether the layer has one output, as a critic's last has: sums are then far cheaper than matmul."""
    return layer.weight.shape[-1] == 1


def _last_forward(matmul: Matmul, layer: Layer, x: torch.Tensor) -> torch.Tensor:
    if not _is_scalar(layer):
        return matmul.linear(x, layer.weight, layer.bias, relu=False)
    return (x * layer.weight.mT).sum(dim=-1, keepdim=True) + layer.bias


def _input_gradient(matmul: Matmul, weight: torch.Tensor, gradient: torch.Tensor, *, last: bool) -> torch.Tensor:
    if last and weight.shape[-1] == 1:
        return gradient * weight.mT
    return matmul.input_gradient(gradient, weight)


def _parameter_gradients(matmul: Matmul, layer: Layer, x: torch.Tensor, gradient: torch.Tensor, *, last: bool) -> None:
    batch_axis = gradient.dim() - 2
    if last and _is_scalar(layer):
        layer.weight_gradient.copy_((x * gradient).sum(dim=batch_axis).unsqueeze(-1))
    else:
        matmul.weight_gradient(x, gradient, layer.weight_gradient)
    layer.bias_gradient.copy_(gradient.sum(dim=batch_axis).view_as(layer.bias_gradient))
