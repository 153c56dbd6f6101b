package io.lastmile.dataset;

import io.lastmile.error.Nearest;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;

/** What is known of a step that has a mistake, by what is written in it. */
final class UnreadStep {
  private static final String ANY = "*";

  private UnreadStep() {}

  /**
   * A step in its place.
   *
   * @param kinds of steps that there are
   */
  static Step.Unread of(Written step, Collection<String> kinds) {
    if (step.parts().size() != 1) {
      return new Step.Unread("", List.of(ANY));
    }
    Written said = step.parts().getFirst();
    String kind = kind(said.name(), kinds);
    return new Step.Unread(kind, columns(kind, said).distinct().toList());
  }

  private static String kind(String written, Collection<String> kinds) {
    String nearest = kinds.contains(written) ? written : Nearest.of(written, kinds);
    return nearest == null ? "" : nearest;
  }

  /** Names and patterns of columns that a step may have added or changed. */
  private static Stream<String> columns(String kind, Written said) {
    return switch (kind) {
      case "filter", "semi_join", "anti_join", "sample", "split", "limit" -> Stream.of();
      case "upsample" -> said.keeping("copy"::equals).parts().stream().map(Written::text);
      case "downsample" -> said.keeping("weight"::equals).parts().stream().map(Written::text);
      case "derive", "label", "weight" -> said.parts().stream().map(Written::name);
      case "drop", "rename", "cast", "truncate", "explode" -> names(said).skip(1);
      default -> Stream.of(ANY);
    };
  }

  /** Every key and every text, also those that name no columns. */
  private static Stream<String> names(Written said) {
    Stream<String> mine = Stream.of(said.name(), said.text());
    return Stream.concat(mine, said.parts().stream().flatMap(UnreadStep::names))
        .filter(name -> !name.isEmpty());
  }
}
