/** Time that this process has worked, in milliseconds: others at work on the machine do not lengthen it as they do any other. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
