package io.lastmile.query;

import org.apache.arrow.vector.types.pojo.ArrowType;

/**
 * The names of Arrow's types in its C data interface
 * (https://arrow.apache.org/docs/format/CDataInterface.html).
 */
public final class ArrowFormats {
  private ArrowFormats() {}

  /**
   * The name of the type, without what is in it, as which the engine is given columns of a type.
   *
   * @throws UnsupportedOperationException when the engine is not given columns of this type
   */
  public static String of(ArrowType type) {
    return switch (type) {
      case ArrowType.Null _ -> "n";
      case ArrowType.Bool _ -> "b";
      case ArrowType.Int whole -> integer(whole);
      case ArrowType.FloatingPoint number ->
          switch (number.getPrecision()) {
            // The engine has no 16-bit floats: ArrowStream gives them as 32-bit ones.
            case HALF, SINGLE -> "f";
            case DOUBLE -> "g";
          };
      case ArrowType.Decimal decimal when decimal.getBitWidth() == 128 && decimal.getScale() >= 0 ->
          "d:" + decimal.getPrecision() + "," + decimal.getScale();
      case ArrowType.Utf8 _ -> "u";
      case ArrowType.LargeUtf8 _ -> "U";
      case ArrowType.Binary _ -> "z";
      case ArrowType.LargeBinary _ -> "Z";
      case ArrowType.FixedSizeBinary bytes -> "w:" + bytes.getByteWidth();
      case ArrowType.Date date ->
          switch (date.getUnit()) {
            case DAY -> "tdD";
            case MILLISECOND -> "tdm";
          };
      case ArrowType.Time time -> "tt" + unit(time.getUnit());
      case ArrowType.Timestamp instant ->
          "ts" + unit(instant.getUnit()) + ":" + zone(instant.getTimezone());
      case ArrowType.List _ -> "+l";
      case ArrowType.LargeList _ -> "+L";
      case ArrowType.FixedSizeList list -> "+w:" + list.getListSize();
      case ArrowType.Struct _ -> "+s";
      case ArrowType.Map _ -> "+m";
      default -> throw new UnsupportedOperationException(type.toString());
    };
  }

  private static String integer(ArrowType.Int type) {
    String name =
        switch (type.getBitWidth()) {
          case 8 -> "c";
          case 16 -> "s";
          case 32 -> "i";
          default -> "l";
        };
    return type.getIsSigned() ? name : name.toUpperCase(java.util.Locale.ROOT);
  }

  private static char unit(org.apache.arrow.vector.types.TimeUnit unit) {
    return switch (unit) {
      case SECOND -> 's';
      case MILLISECOND -> 'm';
      case MICROSECOND -> 'u';
      case NANOSECOND -> 'n';
    };
  }

  private static String zone(@org.jspecify.annotations.Nullable String zone) {
    return zone == null ? "" : zone;
  }
}
