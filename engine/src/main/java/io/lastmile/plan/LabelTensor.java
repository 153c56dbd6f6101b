package io.lastmile.plan;

import io.lastmile.batch.TensorForm;
import io.lastmile.dataset.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where the batches of a feed have its label, so that positives are counted in what the ranks get.
 *
 * @param column that a preview and an estimate take for the label
 * @param form index of the tensor of that column among the forms; its values are TRUE or above 0
 *     where the label is, and nowhere else
 */
public record LabelTensor(String column, int form) {
  /** The first tensor of the label of a dataset and of nothing else; null: it has none. */
  static @Nullable LabelTensor of(DatasetPlan plan) {
    Scope scope = plan.stage().scope();
    String label = SampleQuery.usualIn(plan, scope);
    if (label == null) {
      return null;
    }
    Binding binding = scope.named(label, label);
    List<TensorForm> forms = plan.forms();
    for (int i = 0; i < forms.size(); i++) {
      TensorForm form = forms.get(i);
      if (isOneColumn(form)
          && scope.named(form.columns().getFirst(), form.name()).equals(binding)
          && Types.keepsSign(binding.type(), form.dtype())
          && !fillsPositive(plan, form.name())) {
        return new LabelTensor(label, i);
      }
    }
    return null;
  }

  /** The label that all members of a mix have; null: there is none. */
  static @Nullable LabelTensor of(MixPlan mix) {
    List<@Nullable LabelTensor> labels =
        mix.members().stream().<@Nullable LabelTensor>map(DatasetPlan::label).distinct().toList();
    return labels.size() == 1 ? labels.getFirst() : null;
  }

  private static boolean isOneColumn(TensorForm form) {
    return form.role() == TensorForm.Role.TENSOR
        && !form.ragged()
        && form.nesting() == TensorForm.Nesting.FLAT
        && form.columns().size() == 1;
  }

  /** Whether a label that is null would count as one that is positive. */
  private static boolean fillsPositive(DatasetPlan plan, String name) {
    for (Tensor tensor : plan.dataset().tensors()) {
      Double fill = tensor.fill();
      if (tensor.name().equals(name) && fill != null) {
        return fill > 0 && tensor.whenNull() != Tensor.Nulls.ERROR;
      }
    }
    return false;
  }
}
