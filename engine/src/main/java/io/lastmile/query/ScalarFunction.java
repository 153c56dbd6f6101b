package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import org.jspecify.annotations.Nullable;

/**
 * Registers a function of ours with the engine. Its body is called for some thousands of rows at a
 * time, on the thread that asks for the query's rows; an exception becomes the query's error.
 */
final class ScalarFunction {
  /** What the engine calls, from its own code. */
  interface Body {
    /**
     * Computes a value for each row.
     *
     * @param arguments the arguments' vectors, flat
     * @param result the vector to write
     */
    void run(long arguments, long result);
  }

  /** Looks at the types of a call's arguments; throws when one cannot be used. */
  interface Check {
    void run(int argument, int type);
  }

  private static final MethodHandle BODY = handle("body", Body.class, 3);
  private static final MethodHandle CHECK = handle("check", Check.class, 1);

  private final String name;
  private final long result;
  private final int[] parameters;
  private final Body body;
  private @Nullable Check check;
  private boolean isVolatile;

  /** A function with these logical types of its result and parameters. */
  ScalarFunction(String name, int result, Body body, int... parameters) {
    this(name, DuckDb.type(result), body, parameters);
  }

  /** A function whose result has the type of a handle, which lives until it is registered. */
  static ScalarFunction ofType(String name, long result, Body body, int... parameters) {
    return new ScalarFunction(name, result, body, parameters);
  }

  private ScalarFunction(String name, long result, Body body, int... parameters) {
    this.name = name;
    this.result = result;
    this.body = body;
    this.parameters = parameters;
  }

  /** Any number of further arguments of any type, each checked when a call is bound. */
  ScalarFunction furtherArguments(Check argumentCheck) {
    check = argumentCheck;
    return this;
  }

  /** Each row is computed, even when the arguments are constant. */
  ScalarFunction runEachRow() {
    isVolatile = true;
    return this;
  }

  /** Registers this function with the instance of a connection, for the life of the process. */
  void register(long connection) {
    long function = DuckDb.call(DuckDb.CREATE_FUNCTION);
    try (Arena arena = Arena.ofConfined()) {
      DuckDb.run(DuckDb.FUNCTION_NAME, function, arena.allocateFrom(name).address());
      for (int parameter : parameters) {
        withType(DuckDb.FUNCTION_PARAMETER, function, parameter);
      }
      DuckDb.run(DuckDb.FUNCTION_RETURN, function, result);
      DuckDb.run(DuckDb.FUNCTION_SEES_NULLS, function);
      if (isVolatile) {
        DuckDb.run(DuckDb.FUNCTION_VOLATILE, function);
      }
      if (check != null) {
        withType(DuckDb.FUNCTION_VARARGS, function, LogicalTypes.ANY);
        DuckDb.run(DuckDb.FUNCTION_BIND, function, stub(CHECK.bindTo(check), 1));
      }
      DuckDb.run(DuckDb.FUNCTION_BODY, function, stub(BODY.bindTo(body), 3));
      if (DuckDb.state(DuckDb.REGISTER_FUNCTION, connection, function) != 0) {
        throw new IllegalStateException("Function not registered: " + name);
      }
    } finally {
      DuckDb.destroy(DuckDb.DESTROY_FUNCTION, function);
    }
  }

  private static void withType(MethodHandle setter, long function, int type) {
    long handle = DuckDb.type(type);
    DuckDb.run(setter, function, handle);
    DuckDb.destroy(DuckDb.DESTROY_TYPE, handle);
  }

  // Called by the engine: nothing may be thrown into native code.
  @SuppressWarnings("UnusedMethod")
  private static void body(Body body, long info, long arguments, long result) {
    try {
      body.run(arguments, result);
    } catch (Throwable e) {
      report(DuckDb.FUNCTION_ERROR, info, e);
    }
  }

  // Called by the engine: nothing may be thrown into native code.
  @SuppressWarnings("UnusedMethod")
  private static void check(Check check, long info) {
    try {
      long count = DuckDb.call(DuckDb.BIND_ARGUMENTS, info);
      for (int i = 0; i < count; i++) {
        long expression = DuckDb.call(DuckDb.BIND_ARGUMENT, info, i);
        long type = DuckDb.call(DuckDb.EXPRESSION_TYPE, expression);
        int id = DuckDb.state(DuckDb.TYPE_ID, type);
        DuckDb.destroy(DuckDb.DESTROY_TYPE, type);
        DuckDb.destroy(DuckDb.DESTROY_EXPRESSION, expression);
        check.run(i, id);
      }
    } catch (Throwable e) {
      report(DuckDb.BIND_ERROR, info, e);
    }
  }

  private static void report(MethodHandle setter, long info, Throwable e) {
    try (Arena arena = Arena.ofConfined()) {
      String message = e.getMessage();
      String text = message == null ? e.toString() : message;
      DuckDb.run(setter, info, arena.allocateFrom(text).address());
    }
  }

  private static MethodHandle handle(String method, Class<?> target, int addresses) {
    try {
      MethodType type = MethodType.methodType(void.class, longs(addresses));
      return MethodHandles.lookup()
          .findStatic(ScalarFunction.class, method, type.insertParameterTypes(0, target));
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  private static long stub(MethodHandle target, int addresses) {
    FunctionDescriptor shape = FunctionDescriptor.ofVoid();
    for (int i = 0; i < addresses; i++) {
      shape = shape.appendArgumentLayouts(JAVA_LONG);
    }
    MemorySegment stub = Linker.nativeLinker().upcallStub(target, shape, Arena.global());
    return stub.address();
  }

  private static Class<?>[] longs(int count) {
    Class<?>[] types = new Class<?>[count];
    java.util.Arrays.fill(types, long.class);
    return types;
  }
}
