package io.lastmile;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.Properties;

/** The version of Lastmile. */
public final class Version {
  private Version() {}

  /** Such as {@code 0.1.0}. */
  public static String number() {
    Properties properties = new Properties();
    try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
      properties.load(Objects.requireNonNull(in, "version.properties is not in the jar"));
    } catch (IOException e) {
      throw new IllegalStateException("version.properties cannot be read", e);
    }
    return properties.getProperty("version");
  }
}
