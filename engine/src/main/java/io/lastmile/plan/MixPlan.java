package io.lastmile.plan;

import io.lastmile.batch.Layout;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Mix;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * How a mix of datasets is run.
 *
 * @param name of the dataset
 * @param dataset what the user said
 * @param mix the datasets with their ratios
 * @param members their plans in that order, each with the tensors of the mix, all with forms alike
 * @param seed of the experiment, which decides whose the next row is
 * @param limit the step that ends each epoch; null: none
 * @param fingerprint of everything that decides its row sequence, hexadecimal
 * @param budget of memory
 */
public record MixPlan(
    String name,
    Dataset dataset,
    Mix mix,
    List<DatasetPlan> members,
    long seed,
    @Nullable Limit limit,
    String fingerprint,
    Budget budget)
    implements FeedPlan {
  /** The kind of the step that drops the rows that an epoch has read and not taken at its end. */
  private static final String KIND = "mix";

  /** Numbers that say how far a member has been taken. */
  private static final int PLACE_COUNTS = 6;

  public MixPlan {
    members = List.copyOf(members);
  }

  @Override
  public List<DatasetPlan> tables() {
    return members;
  }

  @Override
  public List<CountedStep> copySteps() {
    List<CountedStep> steps = new ArrayList<>();
    members.forEach(
        member -> member.copySteps().forEach(step -> steps.add(step.of(member.name()))));
    return steps;
  }

  /**
   * The steps of the members, one after the other, the mix itself behind those of each; then, for
   * each, the last step of the ranks.
   */
  @Override
  public List<CountedStep> dropSteps() {
    List<CountedStep> steps = new ArrayList<>();
    for (DatasetPlan member : members) {
      member.dropSteps().forEach(step -> steps.add(step.of(member.name())));
      steps.add(new CountedStep(member.name(), member.dataset().steps().size(), KIND));
    }
    if (lastSteps() > 0) {
      for (DatasetPlan member : members) {
        int step = member.dataset().steps().size() + 1;
        steps.add(new CountedStep(member.name(), step, CountedStep.LAST_STEP));
      }
    }
    return steps;
  }

  @Override
  public @Nullable LabelTensor label() {
    return LabelTensor.of(this);
  }

  /** The paths of the members' files, each behind the name of its dataset and a NUL. */
  @Override
  public List<String> identityPaths() {
    List<String> paths = new ArrayList<>();
    members.forEach(
        member -> member.identityPaths().forEach(path -> paths.add(member.name() + '\0' + path)));
    return paths;
  }

  @Override
  public Layout slotLayout() {
    int batch = dataset.batch();
    long[] most = members.getFirst().capacities(batch);
    for (DatasetPlan member : members) {
      long[] capacities = member.capacities(batch);
      for (int i = 0; i < most.length; i++) {
        most[i] = Math.max(most[i], capacities[i]);
      }
    }
    int counts =
        copySteps().size()
            + dropSteps().size()
            + PLACE_COUNTS * members.size()
            + members.stream().mapToInt(DatasetPlan::skippable).sum();
    LabelTensor label = label();
    return Layout.of(
        members.getFirst().forms(),
        batch,
        most,
        counts,
        label == null ? List.of() : List.of(label.column()));
  }

  @Override
  public long rowsPerEpoch() {
    double all = members.stream().mapToLong(DatasetPlan::rowsPerEpoch).sum();
    double rows = all;
    if (mix.onDry() != Mix.OnDry.REST) {
      double first = Double.POSITIVE_INFINITY;
      double last = 0;
      for (int i = 0; i < members.size(); i++) {
        double until = members.get(i).rowsPerEpoch() / mix.parts().get(i).ratio();
        first = Math.min(first, until);
        last = Math.max(last, until);
      }
      rows = mix.onDry() == Mix.OnDry.STOP ? Math.min(first, all) : last;
    }
    return Math.round(rows);
  }

  @Override
  public Pruned pruned() {
    return new Pruned(
        (int) sum(member -> member.pruned().files()),
        sum(member -> member.pruned().rowGroups()),
        sum(member -> member.pruned().rows()),
        members.stream().flatMap(member -> member.pruned().by().stream()).distinct().toList());
  }

  private long sum(ToLongFunction<DatasetPlan> of) {
    return members.stream().mapToLong(of).sum();
  }

  @Override
  public List<Map<String, Object>> files() {
    return members.stream().flatMap(member -> member.files().stream()).distinct().toList();
  }

  @Override
  public String explain() {
    return Explanation.of(this);
  }
}
