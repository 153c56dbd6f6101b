package io.lastmile.query;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * The functions of DuckDB's C API that Lastmile calls. Pointers travel as {@code long} and the call
 * shapes are few: each shape costs time at the start.
 */
final class DuckDb {
  /** duckdb_result, which some functions take by value. */
  static final StructLayout RESULT =
      MemoryLayout.structLayout(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);

  private static final Linker LINKER = Linker.nativeLinker();
  private static final SymbolLookup SYMBOLS =
      SymbolLookup.libraryLookup(NativeLibrary.locate(), Arena.global());

  private static final FunctionDescriptor L = FunctionDescriptor.of(JAVA_LONG);
  private static final FunctionDescriptor L_L = FunctionDescriptor.of(JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor L_LL =
      FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor I_L = FunctionDescriptor.of(JAVA_INT, JAVA_LONG);
  private static final FunctionDescriptor I_LL =
      FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor I_LLL =
      FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor I_LLLL =
      FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final FunctionDescriptor V_L = FunctionDescriptor.ofVoid(JAVA_LONG);
  private static final FunctionDescriptor V_LL = FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG);

  /** Only for getters that return at once: the thread does not leave the Java state. */
  private static final Linker.Option GETTER = Linker.Option.critical(false);

  static final MethodHandle LIBRARY_VERSION = function("library_version", L);
  static final MethodHandle FREE = function("free", V_L);

  static final MethodHandle OPEN = function("open_ext", I_LLLL);
  static final MethodHandle CLOSE = function("close", V_L);
  static final MethodHandle CONNECT = function("connect", I_LL);
  static final MethodHandle DISCONNECT = function("disconnect", V_L);
  static final MethodHandle INTERRUPT = function("interrupt", V_L);

  static final MethodHandle QUERY = function("query", I_LLL);
  static final MethodHandle PREPARE = function("prepare", I_LLL);
  static final MethodHandle PREPARE_ERROR = function("prepare_error", L_L);
  static final MethodHandle DESTROY_PREPARE = function("destroy_prepare", V_L);
  static final MethodHandle PREPARED_COLUMN_COUNT =
      function("prepared_statement_column_count", L_L);
  static final MethodHandle PREPARED_COLUMN_NAME = function("prepared_statement_column_name", L_LL);
  static final MethodHandle PREPARED_COLUMN_TYPE =
      function("prepared_statement_column_logical_type", L_LL);
  static final MethodHandle EXECUTE_STREAMING = function("execute_prepared_streaming", I_LL);
  static final MethodHandle ARROW_SCAN = function("arrow_scan", I_LLL);
  static final MethodHandle RESULT_ERROR = function("result_error", L_L);
  static final MethodHandle DESTROY_RESULT = function("destroy_result", V_L);
  private static final MethodHandle FETCH_CHUNK =
      function("fetch_chunk", FunctionDescriptor.of(JAVA_LONG, RESULT));

  static final MethodHandle DESTROY_CHUNK = function("destroy_data_chunk", V_L);
  static final MethodHandle CHUNK_SIZE = function("data_chunk_get_size", L_L, GETTER);
  static final MethodHandle CHUNK_COLUMNS = function("data_chunk_get_column_count", L_L, GETTER);
  static final MethodHandle CHUNK_VECTOR = function("data_chunk_get_vector", L_LL, GETTER);
  static final MethodHandle VECTOR_DATA = function("vector_get_data", L_L, GETTER);
  static final MethodHandle VECTOR_VALIDITY = function("vector_get_validity", L_L, GETTER);
  static final MethodHandle VECTOR_TYPE = function("vector_get_column_type", L_L);
  static final MethodHandle VECTOR_FORM = function("v2_vector_get_vector_type", I_LLL, GETTER);
  static final MethodHandle FLATTEN = function("v2_vector_flatten", I_LL);
  static final MethodHandle LIST_CHILD = function("list_vector_get_child", L_L, GETTER);
  static final MethodHandle ARRAY_CHILD = function("array_vector_get_child", L_L, GETTER);

  static final MethodHandle LIST_RESERVE = function("list_vector_reserve", I_LL);
  static final MethodHandle LIST_SET_SIZE = function("list_vector_set_size", I_LL);
  static final MethodHandle ENSURE_VALIDITY = function("vector_ensure_validity_writable", V_L);

  static final MethodHandle CREATE_TYPE =
      function("create_logical_type", FunctionDescriptor.of(JAVA_LONG, JAVA_INT));
  static final MethodHandle DESTROY_TYPE = function("destroy_logical_type", V_L);
  static final MethodHandle TYPE_ID = function("get_type_id", I_L);
  static final MethodHandle DECIMAL_TYPE = function("decimal_internal_type", I_L);
  static final MethodHandle LIST_ELEMENT = function("list_type_child_type", L_L);
  static final MethodHandle ARRAY_ELEMENT = function("array_type_child_type", L_L);
  static final MethodHandle ARRAY_LENGTH = function("array_type_array_size", L_L);

  static final MethodHandle CREATE_FUNCTION = function("create_scalar_function", L);
  static final MethodHandle DESTROY_FUNCTION = function("destroy_scalar_function", V_L);
  static final MethodHandle FUNCTION_NAME = function("scalar_function_set_name", V_LL);
  static final MethodHandle FUNCTION_PARAMETER = function("scalar_function_add_parameter", V_LL);
  static final MethodHandle FUNCTION_VARARGS = function("scalar_function_set_varargs", V_LL);
  static final MethodHandle FUNCTION_RETURN = function("scalar_function_set_return_type", V_LL);
  static final MethodHandle FUNCTION_SEES_NULLS =
      function("scalar_function_set_special_handling", V_L);
  static final MethodHandle FUNCTION_VOLATILE = function("scalar_function_set_volatile", V_L);
  static final MethodHandle FUNCTION_BIND = function("scalar_function_set_bind", V_LL);
  static final MethodHandle FUNCTION_BODY = function("scalar_function_set_function", V_LL);
  static final MethodHandle FUNCTION_ERROR = function("scalar_function_set_error", V_LL);
  static final MethodHandle REGISTER_FUNCTION = function("register_scalar_function", I_LL);
  static final MethodHandle BIND_ERROR = function("scalar_function_bind_set_error", V_LL);
  static final MethodHandle BIND_ARGUMENTS =
      function("scalar_function_bind_get_argument_count", L_L);
  static final MethodHandle BIND_ARGUMENT = function("scalar_function_bind_get_argument", L_LL);
  static final MethodHandle EXPRESSION_TYPE = function("expression_return_type", L_L);
  static final MethodHandle DESTROY_EXPRESSION = function("destroy_expression", V_L);

  private DuckDb() {}

  private static MethodHandle function(
      String name, FunctionDescriptor shape, Linker.Option... options) {
    return LINKER.downcallHandle(SYMBOLS.findOrThrow("duckdb_" + name), shape, options);
  }

  static long call(MethodHandle function) {
    try {
      return (long) function.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long call(MethodHandle function, long a) {
    try {
      return (long) function.invokeExact(a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static long call(MethodHandle function, long a, long b) {
    try {
      return (long) function.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int state(MethodHandle function, long a) {
    try {
      return (int) function.invokeExact(a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int state(MethodHandle function, long a, long b) {
    try {
      return (int) function.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static int state(MethodHandle function, long a, long b, long c) {
    try {
      return (int) function.invokeExact(a, b, c);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void run(MethodHandle function, long a) {
    try {
      function.invokeExact(a);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  static void run(MethodHandle function, long a, long b) {
    try {
      function.invokeExact(a, b);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Opens a database in memory; its address is at {@code out}, an error's text at out + 8. */
  static int open(long path, long out) {
    try {
      return (int) OPEN.invokeExact(path, out, 0L, out + 8);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The logical type with this id; the caller destroys it. */
  static long type(int id) {
    try {
      return (long) CREATE_TYPE.invokeExact(id);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** The next vectors of a streaming result, 0 at its end or when it failed. */
  static long fetch(MemorySegment result) {
    try {
      return (long) FETCH_CHUNK.invokeExact(result);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Calls a function that takes the address of a handle, frees what it names and clears it. */
  static void destroy(MethodHandle function, long handle) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment place = arena.allocateFrom(JAVA_LONG, handle);
      run(function, place.address());
    }
  }

  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException known ? known : new IllegalStateException(e);
  }
}
