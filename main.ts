import project from "./deno.json" with { type: "json" };

console.log(`outrun ${project.version}`);
