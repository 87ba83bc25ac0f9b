"""Distillation: a network, the student, learns from the outputs of another one, the teacher.

`Distiller` trains the student. It has the arguments of Keras's own `keras.distillation.Distiller`
(Keras 3.12 and later), and these losses:

- `LogitsDistillation`: the teacher's softened outputs;
- `HintDistillation`: the outputs of one of its layers (FitNets);
- `AttentionTransfer`: where in the picture a layer is active;
- `FSPDistillation`: how the features change from one layer to another.

```python
loss = tfsparse.distill.LogitsDistillation(temperature=4)
distiller = tfsparse.distill.Distiller(teacher, student, loss)
distiller.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
distiller.fit(x, y, epochs=20, callbacks=[tfsparse.GradualPruning(final_sparsity=0.8)])
tfsparse.convert(distiller.student, "model.tflite")
```
"""

from tfsparse.distill.distiller import Distiller
from tfsparse.distill.feature_losses import AttentionTransfer, FSPDistillation, HintDistillation
from tfsparse.distill.logits import LogitsDistillation

__all__ = [
    "AttentionTransfer",
    "Distiller",
    "FSPDistillation",
    "HintDistillation",
    "LogitsDistillation",
]
