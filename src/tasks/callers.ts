/** Which calls of this process wait for which task. Who goes last may take the task along. */

export interface Callers {
  join(taskId: string): Caller;
}

export interface Caller {
  /**
   * Once. Answers whether the task is to be canceled: nobody is left, this call was disconnected,
   * and one of those who left by a disconnect wanted it canceled.
   */
  leave(how: { readonly disconnected: boolean; readonly cancels: boolean }): boolean;
}

export function createCallers(): Callers {
  const parties = new Map<string, { count: number; isCancelWanted: boolean }>();
  return {
    join(taskId) {
      const party = parties.get(taskId) ?? { count: 0, isCancelWanted: false };
      parties.set(taskId, party);
      party.count++;
      return {
        leave({ disconnected, cancels }) {
          party.count--;
          if (disconnected && cancels) party.isCancelWanted = true;
          if (party.count > 0) return false;
          parties.delete(taskId);
          return disconnected && party.isCancelWanted;
        },
      };
    },
  };
}
