package io.lastmile.dataset;

import io.lastmile.dataset.Written.Kind;
import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/** YAML 1.2 text (core schema) as a tree in which everything has its line. */
final class YamlTree {
  private static final Map<Tag, Kind> SCALARS =
      Map.of(
          Tag.STR, Kind.TEXT,
          Tag.INT, Kind.WHOLE_NUMBER,
          Tag.FLOAT, Kind.NUMBER,
          Tag.BOOL, Kind.TRUTH,
          Tag.NULL, Kind.NOTHING);

  /** Values in a file, those behind an alias counted each time. */
  private static final int MOST_VALUES = 1_000_000;

  private final String file;
  private final String text;
  private final Mistakes mistakes;
  private int values;

  private YamlTree(String file, String text, Mistakes mistakes) {
    this.file = file;
    this.text = text;
    this.mistakes = mistakes;
  }

  /**
   * The tree of one YAML document.
   *
   * @param file named in the place of a mistake
   * @param mistakes of what is read from the tree
   * @throws LastmileException of kind USER, placed, when the text is empty or no YAML, or uses what
   *     has no place in an experiment: tags, keys that are no scalars, an alias inside its anchor
   */
  static Written read(String file, String text, Mistakes mistakes) {
    try {
      return new YamlTree(file, text, mistakes).root();
    } catch (StackOverflowError _) {
      throw mistake(file, "Invalid YAML: nested too deeply");
    }
  }

  private Written root() {
    Node node = compose().orElseThrow(() -> mistake(file, "The experiment is empty"));
    return written("", "experiment", line(node), node);
  }

  private Optional<Node> compose() {
    LoadSettings settings =
        LoadSettings.builder().setSchema(new CoreSchema()).setAllowNonScalarKeys(true).build();
    try {
      return new Compose(settings).composeString(text);
    } catch (MarkedYamlEngineException e) {
      String place = e.getProblemMark().map(this::place).orElse(file);
      throw mistake(place, "Invalid YAML: " + e.getProblem());
    } catch (ReaderException e) {
      long line = 1 + text.codePoints().limit(e.getPosition()).filter(c -> c == '\n').count();
      throw mistake(
          file + ":" + line, String.format("Invalid YAML: character U+%04X", e.getCodePoint()));
    } catch (YamlEngineException e) {
      throw mistake(file, "Invalid YAML: " + e.getMessage());
    }
  }

  private Written written(String name, String label, int line, Node node) {
    values++;
    if (values > MOST_VALUES) {
      throw mistake(file, "Invalid YAML: more than 1,000,000 values");
    }
    Kind kind = kind(node);
    if (kind == null) {
      throw mistake(
          file + ":" + line,
          "Invalid " + label + ": tag " + node.getTag() + " (tags are not used)");
    }
    if (node.isRecursive()) {
      throw mistake(file + ":" + line, "Invalid " + label + ": an anchor that holds itself");
    }
    return switch (node) {
      case ScalarNode scalar ->
          new Written(name, label, line, kind, scalar.getValue(), List.of(), mistakes);
      case MappingNode mapping ->
          new Written(name, label, line, kind, "", entries(mapping), mistakes);
      case SequenceNode list ->
          new Written(name, label, line, kind, "", items(label, list), mistakes);
      default -> throw new IllegalStateException("YAML node " + node.getClass().getName());
    };
  }

  /** What a node is by its form and its tag; null when these do not fit or are not ours. */
  private static @Nullable Kind kind(Node node) {
    return switch (node) {
      case ScalarNode _ -> SCALARS.get(node.getTag());
      case MappingNode _ -> node.getTag().equals(Tag.MAP) ? Kind.MAPPING : null;
      case SequenceNode _ -> node.getTag().equals(Tag.SEQ) ? Kind.LIST : null;
      default -> null;
    };
  }

  private List<Written> entries(MappingNode mapping) {
    List<Written> entries = new ArrayList<>();
    for (NodeTuple tuple : mapping.getValue()) {
      int line = line(tuple.getKeyNode());
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw mistake(file + ":" + line, "Invalid key: a list or mapping (must be text)");
      }
      entries.add(written(key.getValue(), key.getValue(), line, tuple.getValueNode()));
    }
    return entries;
  }

  private List<Written> items(String label, SequenceNode list) {
    List<Written> items = new ArrayList<>();
    for (Node node : list.getValue()) {
      String name = "[" + items.size() + "]";
      items.add(written(name, label + name, line(node), node));
    }
    return items;
  }

  private static int line(Node node) {
    return node.getStartMark().map(Mark::getLine).orElse(0) + 1;
  }

  private String place(Mark mark) {
    return file + ":" + (mark.getLine() + 1);
  }

  private static LastmileException mistake(String place, String message) {
    return LastmileException.at(FailureKind.USER, place, message);
  }
}
