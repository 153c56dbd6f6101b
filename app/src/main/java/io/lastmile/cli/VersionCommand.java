package io.lastmile.cli;

import io.lastmile.Version;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;

/** {@code lastmile version}. */
@Command(name = "version", description = "Shows the version.")
final class VersionCommand implements Runnable {
  private final Console console;

  VersionCommand(Console console) {
    this.console = console;
  }

  @Override
  public void run() {
    console.print(text());
  }

  static String text() {
    return "lastmile " + Version.number();
  }

  /** The same for {@code --version}. */
  static final class Provider implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {text()};
    }
  }
}
