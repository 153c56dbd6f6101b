package io.lastmile.dataset;

import io.lastmile.error.LastmileException;
import java.math.BigDecimal;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sizes as people write them: {@code 512MiB}, {@code 2GiB}, {@code 1.5GB}, or bytes. */
public final class ByteSize {
  private static final Pattern SIZE =
      Pattern.compile("([0-9]{1,19}(?:\\.[0-9]{1,9})?) ?([kKMGT]i?B|B|)");
  private static final Map<Character, Integer> POWERS =
      Map.of('k', 1, 'K', 1, 'M', 2, 'G', 3, 'T', 4);

  private ByteSize() {}

  /**
   * The bytes of a size; KiB, MiB, GiB and TiB are powers of 1024, kB, MB, GB and TB of 1000, no
   * unit is bytes. Part of a byte is cut off.
   *
   * @param element named by the mistake, when it is no size or does not fit in 63 bits
   */
  static long parse(String element, String text) {
    Matcher size = SIZE.matcher(text);
    if (!size.matches()) {
      throw wrong(element, text);
    }
    BigDecimal bytes = new BigDecimal(size.group(1)).multiply(unit(size.group(2)));
    if (bytes.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0) {
      throw wrong(element, text);
    }
    return bytes.longValue();
  }

  /** For a message: {@code 34 MiB}, rounded up. */
  public static String mebibytes(long bytes) {
    return ((bytes + (1 << 20) - 1) >> 20) + " MiB";
  }

  private static BigDecimal unit(String unit) {
    int power = unit.isEmpty() ? 0 : POWERS.getOrDefault(unit.charAt(0), 0);
    return BigDecimal.valueOf(unit.contains("i") ? 1024 : 1000).pow(power);
  }

  private static LastmileException wrong(String element, String text) {
    return LastmileException.user(
        element,
        "Invalid " + element + ": \"" + text + "\" (must be a size such as 512MiB or 2GiB)");
  }
}
