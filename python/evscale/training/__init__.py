"""Training and fine-tuning of the forecaster and of the policy.

Needs the `train` extra (torch, onnx); nothing here is imported at run time. Features are computed by the
same compiled code as at run time (`evscale._evscale`), so there is no skew between the two.

| module | what |
|---|---|
| `traces` | read event traces, cut them in time, aggregate them |
| `augment` | random changes of a raw series |
| `data` | sample bank: features of many origins, mixed and shuffled |
| `model` | the forecaster network |
| `loss` | pinball loss, weighted quantile loss against baselines |
| `forecaster_loop` | optimisation of the forecaster, checkpoints |
| `schedule` | learning-rate schedule and budget, moving average of the weights |
| `policy_model` | actor and critic |
| `ppo` | proximal policy optimisation, imitation |
| `export` | ONNX files that the core can run |
"""
