package io.lastmile.plan;

import io.lastmile.batch.Conversion;
import io.lastmile.batch.TensorForm;
import io.lastmile.batch.TensorForm.Cut;
import io.lastmile.batch.TensorForm.Kind;
import io.lastmile.batch.TensorForm.Nesting;
import io.lastmile.batch.TensorForm.Role;
import io.lastmile.dataset.DType;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Turns the tensors and keys of a dataset into forms, and their columns into outputs of the query.
 */
final class TensorCompiler {
  private final Scope scope;
  private final String dataset;
  private final Outputs outputs = new Outputs();

  TensorCompiler(Scope scope, String dataset) {
    this.scope = scope;
    this.dataset = dataset;
  }

  Outputs outputs() {
    return outputs;
  }

  /** The forms of the batch, in its order: tensors, keys, the row identity. */
  List<TensorForm> compile(Dataset of) {
    List<TensorForm> forms = new ArrayList<>();
    for (Tensor tensor : of.tensors()) {
      TensorForm values = tensor(tensor, dataset + ".tensors." + tensor.name());
      forms.add(values);
      boolean masksNulls = tensor.whenNull() == Tensor.Nulls.MASK;
      if (masksNulls || tensor.pad()) {
        forms.add(values.mask(!masksNulls));
      }
    }
    for (String key : of.keys()) {
      forms.add(key(key, dataset + ".keys"));
    }
    int identity = outputs.sql().size();
    forms.add(TensorForm.column("", Role.IDENTITY, DType.INT64, "", identity));
    return forms;
  }

  private TensorForm tensor(Tensor tensor, String element) {
    return switch (tensor.columns()) {
      case Tensor.Columns.One one -> {
        Binding binding = scope.named(one.name(), element + ".columns");
        yield isList(binding)
            ? list(tensor, one.name(), binding, element)
            : scalars(tensor, List.of(one.name()), Kind.COLUMN, element);
      }
      case Tensor.Columns.Many many ->
          scalars(
              tensor, scope.matching(many.patterns(), element + ".columns"), Kind.MATRIX, element);
    };
  }

  private static boolean isList(Binding binding) {
    return !(binding.type() instanceof ColumnType.Scalar);
  }

  private TensorForm scalars(Tensor tensor, List<String> names, Kind kind, String element) {
    if (tensor.maxLength() != null) {
      throw LastmileException.user(
          element + ".max_length", "Invalid max_length: \"" + names.getFirst() + "\" is no list");
    }
    List<Integer> results = new ArrayList<>();
    @Nullable DType common = tensor.dtype();
    for (String name : names) {
      Binding binding = scope.named(name, element + ".columns");
      Storage storage = scalar(tensor, name, binding, element);
      if (common == null) {
        common = storage.dtype();
      } else if (common != storage.dtype()) {
        throw LastmileException.user(
            element + ".columns",
            "Invalid matrix: \""
                + names.getFirst()
                + "\" is "
                + common.word()
                + ", but \""
                + name
                + "\" is "
                + storage.dtype().word()
                + " (give the tensor a dtype)");
      }
      results.add(outputs.add(storage.sql(), binding.sources()));
    }
    DType dtype = Objects.requireNonNull(common);
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        kind,
        Nesting.FLAT,
        dtype,
        names.size(),
        names,
        results,
        conversion(tensor, dtype),
        fill(tensor, dtype, element),
        Cut.NONE,
        0);
  }

  private Storage scalar(Tensor tensor, String name, Binding binding, String element) {
    if (!(binding.type() instanceof ColumnType.Scalar scalar)) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid matrix: \""
              + name
              + "\" is "
              + binding.type().sql()
              + " (a matrix takes scalar columns; give a list column a tensor of its own)");
    }
    if (tensor.hash() != null) {
      return hashed(tensor, name, binding.sql(), binding.type(), scalar.kind(), element);
    }
    Storage storage = Storage.scalar(binding.sql(), scalar.kind(), tensor.dtype());
    return storage == null ? unsupported(name, binding, tensor, element) : storage;
  }

  private static Storage hashed(
      Tensor tensor,
      String name,
      String sql,
      ColumnType type,
      ColumnType.Kind kind,
      String element) {
    if (kind != ColumnType.Kind.VARCHAR && kind != ColumnType.Kind.BLOB) {
      throw LastmileException.user(
          element + ".hash",
          "Invalid hash: \"" + name + "\" is " + type.sql() + " (must be a string)");
    }
    DType dtype = tensor.dtype() == null ? DType.INT64 : tensor.dtype();
    if (dtype != DType.INT64 && dtype != DType.INT32) {
      throw LastmileException.user(
          element + ".dtype",
          "Invalid dtype: " + dtype.word() + " (hashed ids are int64 or int32)");
    }
    if (dtype == DType.INT32 && Objects.requireNonNull(tensor.hash()).buckets() > 1L << 31) {
      throw LastmileException.user(
          element + ".dtype",
          "Invalid dtype: int32 (" + tensor.hash().buckets() + " buckets need int64)");
    }
    return new Storage(sql, dtype);
  }

  private TensorForm list(Tensor tensor, String name, Binding binding, String element) {
    @Nullable Integer fixed = binding.fixedLength();
    Nesting nesting = Nesting.LIST;
    ColumnType type;
    switch (binding.type()) {
      case ColumnType.ListOf list -> type = list.element();
      case ColumnType.ArrayOf array -> {
        type = array.element();
        fixed = array.length();
        nesting = Nesting.ARRAY;
      }
      case ColumnType.Scalar _, ColumnType.Other _ -> throw notSupported(name, binding, element);
    }
    if (!(type instanceof ColumnType.Scalar values)) {
      throw notSupported(name, binding, element);
    }
    String suffix = nesting == Nesting.ARRAY ? "[" + fixed + "]" : "[]";
    Storage storage =
        tensor.hash() == null
            ? Storage.list(binding.sql(), values.kind(), tensor.dtype(), suffix)
            : hashed(tensor, name, binding.sql(), binding.type(), values.kind(), element);
    if (storage == null) {
      storage = unsupported(name, binding, tensor, element);
    }
    List<Integer> results = List.of(outputs.add(storage.sql(), binding.sources()));
    DType dtype = storage.dtype();
    if (fixed != null && (tensor.maxLength() != null || tensor.hash() != null)) {
      String key = tensor.maxLength() == null ? "hash" : "max_length";
      throw LastmileException.user(
          element + "." + key,
          "Invalid " + key + ": \"" + name + "\" is a list of fixed size " + fixed);
    }
    Integer most = tensor.maxLength();
    Cut cut = most == null ? Cut.NONE : new Cut(most, tensor.truncate());
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        fixed != null ? Kind.FIXED : tensor.pad() ? Kind.PADDED : Kind.RAGGED,
        nesting,
        dtype,
        fixed != null ? fixed : tensor.pad() ? cut.most() : 1,
        List.of(name),
        results,
        conversion(tensor, dtype),
        fill(tensor, dtype, element),
        cut,
        TensorForm.bits(dtype, tensor.fill() == null ? 0 : tensor.fill()));
  }

  private static Storage unsupported(String name, Binding binding, Tensor tensor, String element) {
    ColumnType type = binding.type();
    ColumnType inner =
        switch (type) {
          case ColumnType.ListOf list -> list.element();
          case ColumnType.ArrayOf array -> array.element();
          case ColumnType.Scalar _, ColumnType.Other _ -> type;
        };
    if (inner instanceof ColumnType.Scalar scalar && scalar.kind() == ColumnType.Kind.VARCHAR) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid column: \"" + name + "\" is " + type.sql() + " (give the tensor a hash)");
    }
    if (tensor.dtype() == null && Types.numeric(inner)) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid column: \"" + name + "\" is " + type.sql() + " (give the tensor a dtype)");
    }
    throw notSupported(name, binding, element);
  }

  private static LastmileException notSupported(String name, Binding binding, String element) {
    return LastmileException.user(
        element + ".columns",
        "Invalid column: \""
            + name
            + "\" is "
            + binding.type().sql()
            + " (no tensor can hold it; derive one that can)");
  }

  private static Conversion conversion(Tensor tensor, DType dtype) {
    Tensor.Hash hash = tensor.hash();
    return hash == null ? Conversion.of(dtype) : Conversion.hashed(hash, dtype);
  }

  private static @Nullable Long fill(Tensor tensor, DType dtype, String element) {
    Double fill = tensor.fill();
    if (fill == null) {
      return null;
    }
    if (!dtype.holds(fill)) {
      throw LastmileException.user(
          element + ".fill", "Invalid fill: " + fill + " (the tensor is " + dtype.word() + ")");
    }
    return tensor.whenNull() == Tensor.Nulls.ERROR ? null : TensorForm.bits(dtype, fill);
  }

  private TensorForm key(String name, String element) {
    Binding binding = scope.named(name, element);
    boolean text =
        binding.type() instanceof ColumnType.Scalar scalar
            && scalar.kind() == ColumnType.Kind.VARCHAR;
    if (text) {
      return TensorForm.text(name, Role.KEY, name, outputs.add(binding.sql(), binding.sources()));
    }
    Storage storage =
        binding.type() instanceof ColumnType.Scalar scalar
            ? Storage.scalar(binding.sql(), scalar.kind(), null)
            : null;
    if (storage == null) {
      throw LastmileException.user(
          element,
          "Invalid key: \""
              + name
              + "\" is "
              + binding.type().sql()
              + " (must be a number, string, boolean, date or timestamp)");
    }
    int result = outputs.add(storage.sql(), binding.sources());
    return TensorForm.column(name, Role.KEY, storage.dtype(), name, result);
  }
}
