package io.lastmile.plan;

import io.lastmile.batch.Conversion;
import io.lastmile.batch.TensorForm;
import io.lastmile.batch.TensorForm.Cut;
import io.lastmile.batch.TensorForm.Kind;
import io.lastmile.batch.TensorForm.Nesting;
import io.lastmile.batch.TensorForm.Role;
import io.lastmile.batch.Vocabulary;
import io.lastmile.dataset.DType;
import io.lastmile.dataset.Dataset;
import io.lastmile.dataset.Tensor;
import io.lastmile.error.LastmileException;
import io.lastmile.query.ColumnType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Turns the tensors and keys of a dataset into forms, and their columns into outputs of the query.
 */
final class TensorCompiler {
  private final Scope scope;
  private final String dataset;
  private final Path folder;
  private final Outputs outputs = new Outputs();
  private final Map<Path, Vocabulary> vocabularies = new HashMap<>();

  /**
   * A compiler of the tensors of one dataset.
   *
   * @param scope its columns
   * @param dataset its element
   * @param folder where relative paths start
   */
  TensorCompiler(Scope scope, String dataset, Path folder) {
    this.scope = scope;
    this.dataset = dataset;
    this.folder = folder;
  }

  Outputs outputs() {
    return outputs;
  }

  /** The forms of the batch, in its order: tensors, keys, the row identity. */
  List<TensorForm> compile(Dataset of) {
    List<TensorForm> forms = new ArrayList<>();
    for (Tensor tensor : of.tensors()) {
      String element = dataset + ".tensors." + tensor.name();
      if (tensor.layout() == Tensor.Layout.KEYED) {
        forms.addAll(keyed(tensor, element));
        continue;
      }
      TensorForm values = tensor(tensor, element);
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
    List<Storage> storages = new ArrayList<>();
    for (String name : names) {
      Binding binding = scope.named(name, element + ".columns");
      Storage storage = scalar(tensor, name, binding, element);
      storages.add(storage);
      results.add(outputs.add(storage.sql(), binding.sources()));
    }
    DType dtype = common("matrix", names, storages, element);
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        kind,
        Nesting.FLAT,
        dtype,
        names.size(),
        names,
        results,
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        Cut.NONE,
        0,
        unit(storages));
  }

  /** The dtype that all columns have. */
  private static DType common(
      String what, List<String> names, List<Storage> storages, String element) {
    DType common = storages.getFirst().dtype();
    for (int i = 1; i < names.size(); i++) {
      DType other = storages.get(i).dtype();
      if (other != common) {
        throw LastmileException.user(
            element + ".columns",
            "Invalid "
                + what
                + ": \""
                + names.getFirst()
                + "\" is "
                + common.word()
                + ", but \""
                + names.get(i)
                + "\" is "
                + other.word()
                + " (give the tensor a dtype)");
      }
    }
    return common;
  }

  /** The unit that all columns have; empty when they differ. */
  private static String unit(List<Storage> storages) {
    List<String> units = storages.stream().map(Storage::unit).distinct().toList();
    return units.size() == 1 ? units.getFirst() : "";
  }

  /** The forms of the keys, in their order. */
  private List<TensorForm> keyed(Tensor tensor, String element) {
    List<String> names =
        switch (tensor.columns()) {
          case Tensor.Columns.One one -> List.of(one.name());
          case Tensor.Columns.Many many -> scope.matching(many.patterns(), element + ".columns");
        };
    List<Binding> bindings =
        names.stream().map(name -> asList(scope.named(name, element + ".columns"))).toList();
    if (tensor.maxLength() != null && bindings.stream().noneMatch(TensorCompiler::isList)) {
      throw LastmileException.user(
          element + ".max_length", "Invalid max_length: \"" + names.getFirst() + "\" is no list");
    }
    List<Storage> storages = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      Binding binding = bindings.get(i);
      storages.add(
          isList(binding)
              ? listed(tensor, names.get(i), binding, "[]", element)
              : scalar(tensor, names.get(i), binding, element));
    }
    DType dtype = common("keyed tensor", names, storages, element);
    List<TensorForm> forms = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      Binding binding = bindings.get(i);
      int result = outputs.add(storages.get(i).sql(), binding.sources());
      forms.add(key(tensor, names.get(i), result, dtype, isList(binding), unit(storages), element));
    }
    return forms;
  }

  private TensorForm key(
      Tensor tensor,
      String name,
      int result,
      DType dtype,
      boolean list,
      String unit,
      String element) {
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        Kind.KEYED,
        list ? Nesting.LIST : Nesting.FLAT,
        dtype,
        1,
        List.of(name),
        List.of(result),
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        list ? cut(tensor) : new Cut(1, Tensor.Truncate.FIRST),
        0,
        unit);
  }

  /** The engine's arrays as its lists; anything else as it is. */
  private static Binding asList(Binding binding) {
    return binding.type() instanceof ColumnType.ArrayOf array
        ? new Binding(
            "CAST((" + binding.sql() + ") AS " + array.element().sql() + "[])",
            new ColumnType.ListOf(array.element()),
            null,
            binding.sources())
        : binding;
  }

  private static Cut cut(Tensor tensor) {
    Integer most = tensor.maxLength();
    return most == null ? Cut.NONE : new Cut(most, tensor.truncate());
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
    if (tensor.hash() != null || tensor.vocabulary() != null) {
      return ids(tensor, name, binding.sql(), binding.type(), scalar.kind(), element);
    }
    Storage storage = Storage.scalar(binding.sql(), scalar.kind(), tensor.dtype());
    return storage == null ? unsupported(name, binding, tensor, element) : storage;
  }

  private static Storage ids(
      Tensor tensor,
      String name,
      String sql,
      ColumnType type,
      ColumnType.Kind kind,
      String element) {
    if (kind != ColumnType.Kind.VARCHAR && kind != ColumnType.Kind.BLOB) {
      String key = tensor.hash() == null ? "vocabulary" : "hash";
      throw LastmileException.user(
          element + "." + key,
          "Invalid " + key + ": \"" + name + "\" is " + type.sql() + " (must be a string)");
    }
    DType dtype = tensor.dtype() == null ? DType.INT64 : tensor.dtype();
    if (dtype != DType.INT64 && dtype != DType.INT32) {
      throw LastmileException.user(
          element + ".dtype", "Invalid dtype: " + dtype.word() + " (ids are int64 or int32)");
    }
    Tensor.Hash hash = tensor.hash();
    if (dtype == DType.INT32 && hash != null && hash.buckets() > 1L << 31) {
      throw LastmileException.user(
          element + ".dtype", "Invalid dtype: int32 (" + hash.buckets() + " buckets need int64)");
    }
    Double fill = tensor.fill();
    if (hash == null && fill != null && fill < 0 && fill == Conversion.unknown(dtype)) {
      throw LastmileException.user(
          element + ".fill",
          "Invalid fill: " + fill + " (must not be the lowest " + dtype.word() + ")");
    }
    return new Storage(sql, dtype, "");
  }

  /** The storage of a list column's values. */
  private static Storage listed(
      Tensor tensor, String name, Binding binding, String suffix, String element) {
    ColumnType type =
        switch (binding.type()) {
          case ColumnType.ListOf list -> list.element();
          case ColumnType.ArrayOf array -> array.element();
          case ColumnType.Scalar _, ColumnType.Other _ ->
              throw notSupported(name, binding, element);
        };
    if (!(type instanceof ColumnType.Scalar values)) {
      throw notSupported(name, binding, element);
    }
    if (tensor.hash() != null || tensor.vocabulary() != null) {
      return ids(tensor, name, binding.sql(), binding.type(), values.kind(), element);
    }
    Storage storage = Storage.list(binding.sql(), values.kind(), tensor.dtype(), suffix);
    return storage == null ? unsupported(name, binding, tensor, element) : storage;
  }

  private TensorForm list(Tensor tensor, String name, Binding binding, String element) {
    Integer fixed = binding.fixedLength();
    Nesting nesting = Nesting.LIST;
    String suffix = "[]";
    if (binding.type() instanceof ColumnType.ArrayOf array) {
      fixed = array.length();
      nesting = Nesting.ARRAY;
      suffix = "[" + fixed + "]";
    }
    Storage storage = listed(tensor, name, binding, suffix, element);
    List<Integer> results = List.of(outputs.add(storage.sql(), binding.sources()));
    DType dtype = storage.dtype();
    boolean words = tensor.hash() != null || tensor.vocabulary() != null;
    if (fixed != null && (tensor.maxLength() != null || words)) {
      String key =
          tensor.maxLength() != null ? "max_length" : tensor.hash() != null ? "hash" : "vocabulary";
      throw LastmileException.user(
          element + "." + key,
          "Invalid " + key + ": \"" + name + "\" is a list of fixed size " + fixed);
    }
    Cut cut = cut(tensor);
    return new TensorForm(
        tensor.name(),
        Role.TENSOR,
        fixed != null ? Kind.FIXED : tensor.pad() ? Kind.PADDED : Kind.RAGGED,
        nesting,
        dtype,
        fixed != null ? fixed : tensor.pad() ? cut.most() : 1,
        List.of(name),
        results,
        conversion(tensor, dtype, element),
        fill(tensor, dtype, element),
        cut,
        TensorForm.bits(dtype, tensor.fill() == null ? 0 : tensor.fill()),
        storage.unit());
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
          "Invalid column: \""
              + name
              + "\" is "
              + type.sql()
              + " (give the tensor a hash or a vocabulary)");
    }
    if (tensor.dtype() == null && Types.numeric(inner)) {
      throw LastmileException.user(
          element + ".columns",
          "Invalid column: \"" + name + "\" is " + type.sql() + " (give the tensor a dtype)");
    }
    throw notSupported(name, binding, element);
  }

  private static LastmileException notSupported(String name, Binding binding, String element) {
    boolean nested =
        binding.type() instanceof ColumnType.ListOf list
            && !(list.element() instanceof ColumnType.Scalar);
    return LastmileException.user(
        element + ".columns",
        "Invalid column: \""
            + name
            + "\" is "
            + binding.type().sql()
            + (nested
                ? " (no tensor can hold it; derive a list of plain values, for lists of lists with"
                    + " flatten)"
                : " (no tensor can hold it; derive one that can)"));
  }

  private Conversion conversion(Tensor tensor, DType dtype, String element) {
    Tensor.Hash hash = tensor.hash();
    if (hash != null) {
      return Conversion.hashed(hash, dtype);
    }
    String file = tensor.vocabulary();
    return file == null
        ? Conversion.of(dtype)
        : Conversion.listed(vocabulary(file, element + ".vocabulary"), dtype);
  }

  private Vocabulary vocabulary(String file, String element) {
    return vocabularies.computeIfAbsent(
        folder.resolve(file),
        path -> {
          try {
            return Vocabulary.of(Files.readAllBytes(path));
          } catch (IllegalArgumentException e) {
            throw LastmileException.user(
                element, "Invalid vocabulary: " + path + " (" + e.getMessage() + ")");
          } catch (NoSuchFileException _) {
            throw LastmileException.user(element, "No such vocabulary file: " + path);
          } catch (IOException e) {
            throw LastmileException.user(
                element, "Cannot read the vocabulary " + path + " (" + e + ")");
          }
        });
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
