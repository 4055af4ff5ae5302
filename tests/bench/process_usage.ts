/** What Linux says of a running process. */

const POLL_MS = 50;
/** `getconf CLK_TCK`: the same on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** Resident memory now, in bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** CPU time used so far, of user and system together, in ms. */
export const cpuMs = (pid: number): Promise<number> => readCpuMs(`/proc/${pid}/stat`);

/** The same of the first thread alone: it runs the script, and the platform counts no other. */
export const threadCpuMs = (pid: number): Promise<number> =>
  readCpuMs(`/proc/${pid}/task/${pid}/stat`);

async function readCpuMs(path: string): Promise<number> {
  const stat = await Deno.readTextFile(path);
  // The name, in parentheses, may hold spaces; user and system time are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

/** The highest resident memory, in bytes, that a process is seen to have during some work. */
export async function peakBytes(pid: number, work: () => Promise<unknown>): Promise<number> {
  let peak = await residentBytes(pid);
  let polled = Promise.resolve();
  const poll = async () => {
    peak = Math.max(peak, await residentBytes(pid));
  };
  const timer = setInterval(() => {
    polled = polled.then(poll);
  }, POLL_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  await polled;
  return peak;
}
