package io.lastmile.dataset;

import io.lastmile.error.FollowUpException;
import io.lastmile.error.LastmileException;
import io.lastmile.error.Mistakes;
import io.lastmile.error.Nearest;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Something that was written: a scalar, a list or a mapping, in YAML or JSON.
 *
 * <p>Its readings throw a {@link LastmileException} of kind USER whose element is named from the
 * surrounding value; {@link #fold} and {@link #within} put the name of this one before it, so that
 * the outermost caller sees the full name. Where mistakes are kept, {@link #fold} goes on behind a
 * part that has one, as if it were not written.
 *
 * @param name the key or, in a list, {@code [i]}; empty for the outermost
 * @param label the name in messages: the key, or {@code steps[2]}
 * @param line in the file, from 1; 0 when there is no file
 * @param kind what it is
 * @param text of a scalar
 * @param parts of a list or mapping, as written; keys may repeat
 * @param mistakes of the whole tree
 */
record Written(
    String name,
    String label,
    int line,
    Kind kind,
    String text,
    List<Written> parts,
    Mistakes mistakes) {
  private static final int HEX = 16;
  private static final int OCTAL = 8;
  private static final int DECIMAL = 10;

  enum Kind {
    TEXT,
    WHOLE_NUMBER,
    NUMBER,
    TRUTH,
    NOTHING,
    LIST,
    MAPPING
  }

  Written {
    parts = List.copyOf(parts);
  }

  /** This mapping, or a mistake. */
  Written mapping() {
    return expect(kind == Kind.MAPPING, "a mapping");
  }

  /** This list, or a mistake. */
  Written list() {
    return expect(kind == Kind.LIST, "a list");
  }

  /** The text of a text; numbers are no text, since their spelling would be lost. */
  String string() {
    return expect(kind == Kind.TEXT, "text").text;
  }

  /** The text of an SQL expression. */
  String expression() {
    return expect(kind == Kind.TEXT, "an SQL expression").text;
  }

  /** A truth. */
  boolean truth() {
    return expect(kind == Kind.TRUTH, "true or false").text.equals("true");
  }

  /** The text of an SQL expression, which may be a number. */
  String formula() {
    boolean number = kind == Kind.NUMBER || kind == Kind.WHOLE_NUMBER;
    return expect(number || kind == Kind.TEXT, "an SQL expression").text;
  }

  /** A Long, a Double, a String or a Boolean; null for nothing. */
  @Nullable Object scalar() {
    return switch (kind) {
      case TEXT -> text;
      case WHOLE_NUMBER -> wholeNumber();
      case NUMBER -> number();
      case TRUTH -> truth();
      case NOTHING -> null;
      case LIST, MAPPING -> throw wrong("a number, text, true, false or nothing");
    };
  }

  /** A list of text. */
  String[] strings() {
    return list().each(Written::string).toArray(String[]::new);
  }

  /** One text, or a list of them. */
  String[] oneOrMore() {
    if (kind == Kind.TEXT) {
      return new String[] {text};
    }
    return expect(kind == Kind.LIST, "text or a list of text").strings();
  }

  /** A list of arguments of a program: numbers and truths are taken as they are spelled. */
  String[] arguments() {
    return list().each(Written::argument).toArray(String[]::new);
  }

  private String argument() {
    boolean scalar = kind != Kind.LIST && kind != Kind.MAPPING && kind != Kind.NOTHING;
    return expect(scalar, "text or a number").text;
  }

  /** A whole number of 64 bits. */
  long wholeNumber() {
    BigInteger value = parsed();
    if (value.bitLength() >= Long.SIZE) {
      throw wrong("a whole number of 64 bits");
    }
    return value.longValue();
  }

  /** A whole number that fits in an int; the bound below is the record's to check. */
  int count() {
    BigInteger value = parsed();
    if (value.bitLength() >= Integer.SIZE) {
      throw wrong("at most " + Integer.MAX_VALUE);
    }
    return value.intValue();
  }

  private BigInteger parsed() {
    String digits = expect(kind == Kind.WHOLE_NUMBER, "a whole number").text;
    try {
      return switch (digits.length() > 2 ? digits.substring(0, 2) : "") {
        case "0x" -> new BigInteger(digits.substring(2), HEX);
        case "0o" -> new BigInteger(digits.substring(2), OCTAL);
        default -> new BigInteger(digits, DECIMAL);
      };
    } catch (NumberFormatException _) {
      throw wrong("a whole number");
    }
  }

  /** A finite number. */
  double number() {
    if (kind == Kind.WHOLE_NUMBER) {
      BigInteger exact = parsed();
      double value = exact.doubleValue();
      if (Double.isInfinite(value) || !new BigDecimal(value).toBigInteger().equals(exact)) {
        throw wrong("a number that a 64-bit float holds exactly");
      }
      return value;
    }
    double value = floating(expect(kind == Kind.NUMBER, "a number").text);
    if (!Double.isFinite(value)) {
      throw wrong("a finite number");
    }
    return value;
  }

  /** The number, or NaN for what is none in Java, such as YAML's .inf and .nan. */
  private static double floating(String digits) {
    try {
      return Double.parseDouble(digits);
    } catch (NumberFormatException _) {
      return Double.NaN;
    }
  }

  /**
   * One of some things, by its word.
   *
   * @param later words that will mean something one day
   */
  <E> E word(List<E> things, Function<E, String> words, String... later) {
    String word = string();
    for (E thing : things) {
      if (words.apply(thing).equals(word)) {
        return thing;
      }
    }
    if (List.of(later).contains(word)) {
      throw notSupported();
    }
    List<String> known = things.stream().map(words).toList();
    String hint = Nearest.hint(word, known);
    if (hint.isEmpty()) {
      throw wrong((known.size() == 1 ? "" : "one of ") + String.join(", ", known));
    }
    throw mistake("Invalid " + label + ": " + found() + hint);
  }

  /** The same value when this is the only number that is supported here, or a refusal. */
  <T> T only(long supported, T unchanged) {
    if (wholeNumber() != supported) {
      throw notSupported();
    }
    return unchanged;
  }

  /** Reads each part in the order of the file, each reading refining the one before. */
  <T> T fold(T start, BiFunction<T, Written, T> reading) {
    Map<String, Written> seen = new HashMap<>();
    T value = start;
    for (Written part : parts) {
      T before = value;
      Supplier<T> read =
          () -> {
            Written first = seen.putIfAbsent(part.name, part);
            if (first != null) {
              throw part.repeated(first);
            }
            return reading.apply(before, part);
          };
      value = mistakes.orElse(before, () -> within(read));
    }
    return value;
  }

  /** What is made of each part; where one has a mistake, nothing is. */
  <E> List<E> each(Function<Written, E> reading) {
    int before = mistakes.failures();
    List<E> all = fold(List.of(), (read, part) -> plus(read, reading.apply(part)));
    if (mistakes.failures() > before) {
      throw new FollowUpException();
    }
    return all;
  }

  private LastmileException repeated(Written first) {
    String where = first.line == 0 ? "" : " (first on line " + first.line + ")";
    return mistake("Duplicate key \"" + name + "\"" + where);
  }

  /** Reads something inside this value: a mistake in it is named from the surrounding value. */
  <T> T within(Supplier<T> reading) {
    return mistakes.under(name, reading);
  }

  /** Whether this mapping has a key. */
  boolean has(String key) {
    return parts.stream().anyMatch(part -> part.name.equals(key));
  }

  /** This mapping with some of its keys. */
  Written keeping(Predicate<String> keys) {
    List<Written> kept = parts.stream().filter(part -> keys.test(part.name)).toList();
    return new Written(name, label, line, kind, text, kept, mistakes);
  }

  /** A mistake in this value. */
  LastmileException mistake(String message) {
    return LastmileException.user(name, message);
  }

  /** The mistake that this value is not what is wanted here. */
  LastmileException wrong(String wanted) {
    return mistake("Invalid " + label + ": " + found() + " (must be " + wanted + ")");
  }

  private LastmileException notSupported() {
    return mistake(label + ": " + text + " is not supported yet");
  }

  private Written expect(boolean met, String wanted) {
    if (!met) {
      throw wrong(wanted);
    }
    return this;
  }

  private String found() {
    return switch (kind) {
      case TEXT -> "\"" + text + "\"";
      case WHOLE_NUMBER, NUMBER, TRUTH -> text;
      case NOTHING -> "nothing";
      case LIST -> "a list";
      case MAPPING -> "a mapping";
    };
  }

  /** The list and one more. */
  static <E> List<E> plus(List<E> list, E last) {
    return Stream.concat(list.stream(), Stream.of(last)).toList();
  }
}
