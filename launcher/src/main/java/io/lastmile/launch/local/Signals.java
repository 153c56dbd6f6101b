package io.lastmile.launch.local;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Sends signals that {@link Process} cannot send. */
final class Signals {
  static final int SIGABRT = 6;

  private static final MethodHandle KILL =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().find("kill").orElseThrow(),
              FunctionDescriptor.of(
                  ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

  private Signals() {}

  /** Sends a signal to a process that was started here; nothing when it has ended. */
  static void send(Process process, int signal) {
    if (process.isAlive()) {
      try {
        int _ = (int) KILL.invokeExact(Math.toIntExact(process.pid()), signal);
      } catch (Throwable e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
