package io.lastmile.feed;

import java.nio.file.Path;

/** A process that opens a runtime folder, prints its path, and holds it until it is killed. */
final class RuntimeFolderHolder {
  private RuntimeFolderHolder() {}

  public static void main(String[] args) throws InterruptedException {
    RuntimeFolder folder = RuntimeFolder.open(Path.of(args[0]));
    System.out.println(folder.path());
    Thread.sleep(60_000);
    folder.close();
  }
}
