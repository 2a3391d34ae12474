import Visitor from "@swc/core/Visitor.js";

/**
 * Who may import whom. `npm run check:imports` holds the sources to these two tables; a type import counts like any
 * other, and packages enter each other by name only.
 */

/** Package → the packages that its sources may import. Only `service` knows every driver. */
const packages = {
  "packages/core": [],
  "packages/testing": ["packages/core"],
  "packages/journal": ["packages/core"],
  "packages/nats": ["packages/core"],
  "packages/telemetry": ["packages/core"],
  "packages/gateway": ["packages/journal", "packages/telemetry", "packages/core"],
  "packages/service": ["packages/gateway", "packages/nats", "packages/journal", "packages/telemetry", "packages/core"],
  "packages/cli": ["packages/service", "packages/gateway", "packages/core"],
  services: ["packages/service", "packages/core"],
  bench: ["packages/service", "packages/nats", "packages/journal", "packages/telemetry", "packages/core"],
  "examples/overload": ["packages/core"],
  "examples/tls": ["packages/nats", "packages/core"],
};

/** The rooms of core, bottom first: each one may import itself and what stands before it. */
const rooms = ["errors.ts", "clock.ts", "physics/", "wave/", "medium/", "inbox/", "aether/", "index.ts"];

const core = "^packages/core/src/";
const anySource = "^(packages/[^/]+|services|bench|examples/[^/]+)/src/";
const pattern = (names) => `(${names.map((name) => name.replace(".", "\\.")).join("|")})`;

const packageRules = Object.entries(packages).map(([name, allowed]) => ({
  name: `${name}-imports`,
  comment: `${name} may import: ${allowed.join(", ") || "no other package"}.`,
  severity: "error",
  from: { path: `^${name}/src/` },
  to: { path: "^(packages|services|bench|examples)/", pathNot: `^${pattern([name, ...allowed])}/` },
}));

const roomRules = rooms.map((room, index) => ({
  name: `core-${room.replace(/\/|\.ts/, "")}-imports`,
  comment: `${room} of core may import: ${rooms.slice(0, index).join(", ") || "no other room"}.`,
  severity: "error",
  from: { path: `${core}${pattern([room])}` },
  to: { path: core, pathNot: `${core}${pattern(rooms.slice(0, index + 1))}` },
}));

// The visitor of @swc/core, with which dependency-cruiser walks the tree, does not know `using` yet.
const { visitStatement } = Visitor.Visitor.prototype;
Visitor.Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== "UsingDeclaration") return visitStatement.call(this, statement);
  this.visitVariableDeclarators(statement.decls);
  return statement;
};

export default {
  forbidden: [
    ...packageRules,
    ...roomRules,
    {
      name: "known-packages",
      comment: "A new package gets a line in the table of packages.",
      severity: "error",
      from: { path: "^(packages|services|bench|examples)/", pathNot: `^${pattern(Object.keys(packages))}/` },
      to: {},
    },
    {
      name: "known-rooms",
      comment: "A new file or folder directly below core/src gets a place in the list of rooms.",
      severity: "error",
      from: {},
      to: { path: core, pathNot: `${core}${pattern(rooms)}` },
    },
    {
      name: "front-door",
      comment: "A package is imported through its index.",
      severity: "error",
      from: { path: "^(packages/[^/]+|services|bench|examples/[^/]+)/" },
      to: { path: "^packages/[^/]+/", pathNot: ["^$1/", "^packages/[^/]+/src/index\\.ts$"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "source-without-tests",
      comment: "Sources import neither tests nor what is only installed for development.",
      severity: "error",
      from: { path: anySource },
      to: { path: "(^|/)test/" },
    },
    {
      name: "source-without-dev-dependencies",
      severity: "error",
      from: { path: anySource },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "core-in-browsers",
      comment: "Core runs in browsers where it can: of Node's modules it may know async_hooks.",
      severity: "error",
      from: { path: core },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?async_hooks$" },
    },
  ],
  options: {
    parser: "swc",
    exclude: "^(packages/[^/]+|services|bench|examples/[^/]+)/dist/",
    doNotFollow: { path: "(^|/)node_modules/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["aether:source", "import", "node", "default"],
      extensions: [".ts", ".mjs", ".js", ".json"],
    },
  },
};
