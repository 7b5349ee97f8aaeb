// Only the latest state counts, of hints as of pictures: what is outdated before its turn is passed over.

// Makes a function that runs `act` once at a time; calls meanwhile let it run once more at the end.
export function latest(act) {
  let isStale = false;
  let running = null;
  const run = async () => {
    try {
      while (isStale) {
        isStale = false;
        await act();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    isStale = true;
    running ??= run();
    return running;
  };
}
