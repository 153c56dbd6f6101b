package io.lastmile.diff;

import io.lastmile.plan.CountedStep;
import io.lastmile.plan.DatasetPlan;
import io.lastmile.plan.RowQuery;
import io.lastmile.plan.Tally;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of two datasets that are compared, over the same row groups.
 *
 * @param name of the dataset
 * @param label column; null: none
 * @param read rows of the row groups that it reads
 * @param steps those that drop or add rows, in order
 * @param both its rows that the other has too
 * @param only its rows that the other has not
 */
public record Side(
    String name,
    @Nullable String label,
    long read,
    List<StepRows> steps,
    RowSet both,
    RowSet only) {
  /**
   * What a step did.
   *
   * @param step its number among the dataset's steps, from 0
   * @param kind its key in YAML
   * @param text it in words
   * @param added rows
   * @param dropped rows
   */
  public record StepRows(int step, String kind, String text, long added, long dropped) {}

  public Side {
    steps = List.copyOf(steps);
  }

  /** All of its rows. */
  public RowSet all() {
    return both.plus(only);
  }

  static Side of(RowQuery query, Tally tally, RowSet both, RowSet only) {
    DatasetPlan plan = query.plan();
    List<StepRows> steps = new ArrayList<>();
    // The rows of an epoch are compared, however many of them fill a step.
    List<CountedStep> drops = plan.dropSteps();
    for (int i = 0; i < drops.size() - plan.lastSteps(); i++) {
      CountedStep drop = drops.get(i);
      steps.add(
          new StepRows(
              drop.step(), drop.kind(), query.text(drop.step()), 0, tally.dropped().get(i)));
    }
    List<CountedStep> copies = plan.copySteps();
    for (int i = 0; i < copies.size(); i++) {
      CountedStep copy = copies.get(i);
      steps.add(
          new StepRows(copy.step(), copy.kind(), query.text(copy.step()), tally.added().get(i), 0));
    }
    steps.sort(Comparator.comparingInt(StepRows::step));
    return new Side(plan.name(), query.label(), tally.read(), merged(steps), both, only);
  }

  /** A step that both drops and adds rows, such as explode, once. */
  private static List<StepRows> merged(List<StepRows> steps) {
    List<StepRows> merged = new ArrayList<>();
    for (StepRows step : steps) {
      StepRows last = merged.isEmpty() ? null : merged.getLast();
      if (last != null && last.step() == step.step()) {
        merged.set(
            merged.size() - 1,
            new StepRows(
                step.step(),
                step.kind(),
                step.text(),
                last.added() + step.added(),
                last.dropped() + step.dropped()));
      } else {
        merged.add(step);
      }
    }
    return merged;
  }
}
