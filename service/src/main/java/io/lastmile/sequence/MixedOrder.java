package io.lastmile.sequence;

import io.lastmile.error.FailureKind;
import io.lastmile.error.LastmileException;
import io.lastmile.plan.MixPlan;
import java.util.List;

/**
 * Which dataset of a mix gives the next row, and when the epoch ends. Used by one thread, which
 * takes each row from the member that it is told.
 */
final class MixedOrder {
  /** What is done with a split that has no row left. */
  interface SplitEnd {
    /** Ends it, so that its member can go on to the next. */
    void ended(int member) throws InterruptedException;
  }

  private final MixPlan plan;
  private final int epoch;
  private final List<MixMember> members;
  private final SplitEnd end;
  private final Draw draw;
  private final long limit;

  /** Which of the members have no row left, and never will. */
  private final boolean[] out;

  private boolean over;

  MixedOrder(MixPlan plan, int epoch, List<MixMember> members, SplitEnd end) {
    this.plan = plan;
    this.epoch = epoch;
    this.members = members;
    this.end = end;
    this.draw = new Draw(plan.seed(), epoch, plan.mix().parts());
    this.limit = plan.limit() == null ? Long.MAX_VALUE : plan.limit().rows();
    this.out = new boolean[plan.members().size()];
  }

  /**
   * The member that gives a row, which has one; -1: the epoch has ended before it.
   *
   * @param row its number in the epoch
   */
  int member(long row) throws InterruptedException {
    over |= row >= limit;
    while (!over) {
      int drawn = draw.of(row, out);
      if (has(drawn)) {
        return drawn;
      }
      dry(drawn);
    }
    return -1;
  }

  /** Whether a member has a row left in its pass; at the end of a split it goes on to the next. */
  private boolean has(int index) throws InterruptedException {
    MixMember member = members.get(index);
    while (!member.hasRow()) {
      if (member.hasBegun()) {
        end.ended(index);
      } else if (!member.begin()) {
        return false;
      }
    }
    return true;
  }

  private void dry(int index) {
    MixMember member = members.get(index);
    switch (plan.mix().onDry()) {
      case STOP -> over = true;
      case REST -> {
        out[index] = true;
        over = allOut();
      }
      case REPEAT -> {
        if (member.place().taken() == 0) {
          throw LastmileException.of(
              FailureKind.DATA,
              "Dataset \"%s\" of mix \"%s\" has no rows in pass %d of epoch %d (on_dry: rest goes on without it)"
                  .formatted(member.plan().name(), plan.name(), member.place().pass(), epoch));
        }
        over = othersStartedOver(index);
        if (!over) {
          member.startOver();
        }
      }
    }
  }

  private boolean allOut() {
    for (boolean one : out) {
      if (!one) {
        return false;
      }
    }
    return true;
  }

  private boolean othersStartedOver(int index) {
    for (int i = 0; i < members.size(); i++) {
      if (i != index && members.get(i).place().pass() == 0) {
        return false;
      }
    }
    return true;
  }
}
