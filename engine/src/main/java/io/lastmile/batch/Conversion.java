package io.lastmile.batch;

import io.lastmile.dataset.DType;
import io.lastmile.dataset.Tensor;
import io.lastmile.query.XXH64;

/** How the values of a vector become values of a tensor. Stateless. */
public sealed interface Conversion {
  /** The value of {@link #convert} when the tensor holds every value. */
  long ALL = -1;

  /**
   * Writes values [first, first + count) of a vector; value first + i goes to {@code target + i *
   * stride}. What it writes for a null means nothing.
   *
   * @param data of the vector
   * @param mask which values are there; 0: all
   * @return the index of the first value that the tensor cannot hold, or {@link #ALL}
   */
  long convert(long data, long mask, long first, long count, long target, long stride);

  /** The conversion of values that the query has cast to the SQL type of the dtype. */
  static Conversion of(DType dtype) {
    return switch (dtype) {
      case FLOAT16 -> new Half();
      case BFLOAT16 -> new Brain();
      case BOOL, INT8, UINT8, INT16, INT32, INT64, FLOAT32, FLOAT64 -> new Copy(dtype.bytes());
    };
  }

  /** The conversion of strings to ids by a hash. */
  static Conversion hashed(Tensor.Hash hash, DType dtype) {
    return new Hashed(hash, dtype.bytes());
  }

  /**
   * The conversion of strings to ids by a vocabulary. Words that it does not have become {@link
   * #unknown} until the rows are complete, then 0: so they can be counted.
   */
  static Conversion listed(Vocabulary vocabulary, DType dtype) {
    return new Listed(vocabulary, dtype.bytes());
  }

  /** What stands for an unknown word while rows are added: the lowest value of an id's type. */
  static long unknown(DType dtype) {
    return dtype.bytes() == Integer.BYTES ? Integer.MIN_VALUE : Long.MIN_VALUE;
  }

  /** The conversion of values of any type to whether they are there: 1 where they are, as bool. */
  static Conversion presence() {
    return new Presence();
  }

  /** Values as they are. */
  record Copy(int bytes) implements Conversion {
    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      long source = data + first * bytes;
      if (stride == bytes) {
        Memory.copy(source, target, count * bytes);
      } else {
        scatter(source, count, target, stride);
      }
      return ALL;
    }

    private void scatter(long source, long count, long target, long stride) {
      switch (bytes) {
        case 4 -> {
          for (long i = 0; i < count; i++) {
            Memory.putInt(target + i * stride, Memory.intAt(source + 4 * i));
          }
        }
        case 8 -> {
          for (long i = 0; i < count; i++) {
            Memory.putLong(target + i * stride, Memory.longAt(source + 8 * i));
          }
        }
        default -> {
          for (long i = 0; i < count; i++) {
            Memory.move(source + bytes * i, target + i * stride, bytes);
          }
        }
      }
    }
  }

  /** float32 as IEEE binary16, rounded to the nearest, ties to even. */
  record Half() implements Conversion {
    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      for (long i = 0; i < count; i++) {
        float value = Memory.floatAt(data + Float.BYTES * (first + i));
        short half = Float.floatToFloat16(value);
        if (Float.isInfinite(Float.float16ToFloat(half)) && beyond(value, mask, first + i)) {
          return first + i;
        }
        Memory.put(target + i * stride, Short.BYTES, half);
      }
      return ALL;
    }
  }

  /** float32 as bfloat16, its upper half, rounded to the nearest, ties to even. */
  record Brain() implements Conversion {
    private static final int QUIET_NAN = 0x7FC0;

    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      for (long i = 0; i < count; i++) {
        float value = Memory.floatAt(data + Float.BYTES * (first + i));
        int brain = bits(value);
        if (Float.isInfinite(Float.intBitsToFloat(brain << 16)) && beyond(value, mask, first + i)) {
          return first + i;
        }
        Memory.put(target + i * stride, Short.BYTES, brain);
      }
      return ALL;
    }

    static int bits(float value) {
      if (Float.isNaN(value)) {
        return QUIET_NAN;
      }
      int bits = Float.floatToRawIntBits(value);
      return (bits + 0x7FFF + (bits >>> 16 & 1)) >>> 16;
    }
  }

  /** Whether a value that became infinite was finite, and there. */
  private static boolean beyond(float value, long mask, long index) {
    return Float.isFinite(value) && Memory.valid(mask, index);
  }

  /** Strings as XXH64(UTF-8, seed) mod buckets, both unsigned. */
  record Hashed(Tensor.Hash hash, int bytes) implements Conversion {
    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      for (long i = 0; i < count; i++) {
        if (Memory.valid(mask, first + i)) {
          Memory.put(target + i * stride, bytes, id(data + Text.BYTES * (first + i)));
        }
      }
      return ALL;
    }

    private long id(long string) {
      long code = XXH64.hash(Text.bytes(string), Text.length(string), hash.seed());
      return Long.remainderUnsigned(code, hash.buckets());
    }
  }

  /** Strings as the numbers of their lines. */
  record Listed(Vocabulary vocabulary, int bytes) implements Conversion {
    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      long unknown = bytes == Integer.BYTES ? Integer.MIN_VALUE : Long.MIN_VALUE;
      for (long i = 0; i < count; i++) {
        if (Memory.valid(mask, first + i)) {
          long string = data + Text.BYTES * (first + i);
          int id = vocabulary.id(Text.bytes(string), Text.length(string));
          Memory.put(target + i * stride, bytes, id == 0 ? unknown : id);
        }
      }
      return ALL;
    }
  }

  /** Whether a value is there. */
  record Presence() implements Conversion {
    @Override
    public long convert(long data, long mask, long first, long count, long target, long stride) {
      for (long i = 0; i < count; i++) {
        Memory.put(target + i * stride, 1, Memory.valid(mask, first + i) ? 1 : 0);
      }
      return ALL;
    }
  }
}
