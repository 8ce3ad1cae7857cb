"""SAC's equations: networks, losses, gradient steps, and their fused form for GPUs."""
