package io.lastmile.plan;

import io.lastmile.batch.TensorForm;
import io.lastmile.error.LastmileException;
import java.util.List;

/** Whether the batches of the datasets of a mix are alike. */
final class Alike {
  private Alike() {}

  /** What rows of two datasets must have in common to lie in one batch. */
  private record Shape(
      String name,
      TensorForm.Role role,
      TensorForm.Kind kind,
      Object dtype,
      int width,
      List<String> columns,
      String unit) {
    static Shape of(TensorForm form) {
      return new Shape(
          form.name(),
          form.role(),
          form.kind(),
          form.dtype(),
          form.width(),
          form.columns(),
          form.unit());
    }
  }

  /**
   * Checks that all have the tensors and keys of the first.
   *
   * @param element of the mix
   * @throws LastmileException of kind USER for the first tensor or key that differs
   */
  static void check(List<DatasetPlan> members, String element) {
    DatasetPlan first = members.getFirst();
    for (DatasetPlan member : members) {
      for (String name : first.forms().stream().map(TensorForm::name).distinct().toList()) {
        List<TensorForm> wanted = named(name, first);
        List<TensorForm> found = named(name, member);
        if (!wanted.stream()
            .map(Shape::of)
            .toList()
            .equals(found.stream().map(Shape::of).toList())) {
          throw LastmileException.user(
              element,
              "Invalid mix: %s in \"%s\", but %s in \"%s\" (must be alike; dtype gives tensors one type)"
                  .formatted(text(wanted), first.name(), text(found), member.name()));
        }
      }
    }
  }

  private static List<TensorForm> named(String name, DatasetPlan plan) {
    return plan.forms().stream().filter(form -> form.name().equals(name)).toList();
  }

  private static String text(List<TensorForm> forms) {
    TensorForm first = forms.getFirst();
    return first.role() == TensorForm.Role.KEY
        ? "key %s is %s".formatted(first.name(), first.dtype().word())
        : "tensor %s".formatted(Explanation.tensor(forms));
  }
}
