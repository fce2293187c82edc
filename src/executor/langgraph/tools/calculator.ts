/** Builtin tool `calculator`: arithmetic by a parser of its own; nothing is evaluated as code. */
import "../environment.ts";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { z } from "zod";

export function calculatorTool(): StructuredToolInterface {
  return tool(({ expression }: { expression: string }) => calculate(expression), {
    name: "calculator",
    description:
      "Evaluates an arithmetic expression with + - * / % ^ and parentheses, e.g. (3 + 4) * 2.5",
    schema: z.object({
      expression: z.string().max(1000).describe("The expression to evaluate"),
    }),
  });
}

/** The value as text, or a text that says what is wrong: the model can mend its expression. */
export function calculate(expression: string): string {
  const tokens =
    expression.replaceAll(",", "").match(/\d+(\.\d+)?(e[+-]?\d+)?|[-+*/%^()]|\S/gi) ?? [];
  let position = 0;
  const peek = (): string | undefined => tokens[position];

  function sum(depth: number): number {
    let value = product(depth);
    for (;;) {
      if (peek() === "+") {
        position += 1;
        value += product(depth);
      } else if (peek() === "-") {
        position += 1;
        value -= product(depth);
      } else return value;
    }
  }
  function product(depth: number): number {
    let value = signed(depth);
    for (;;) {
      const operator = peek();
      if (operator !== "*" && operator !== "/" && operator !== "%") return value;
      position += 1;
      const right = signed(depth);
      if (operator === "*") value *= right;
      else value = operator === "/" ? value / right : value % right;
    }
  }
  function signed(depth: number): number {
    if (depth > MAX_DEPTH) throw new SyntaxError("too deeply nested");
    if (peek() !== "-" && peek() !== "+") return power(depth);
    const negative = peek() === "-";
    position += 1;
    const value = signed(depth + 1);
    return negative ? -value : value;
  }
  function power(depth: number): number {
    const base = atom(depth);
    if (peek() !== "^") return base;
    position += 1;
    return base ** signed(depth + 1);
  }
  function atom(depth: number): number {
    const token = peek();
    position += 1;
    if (token === "(") {
      const value = sum(depth + 1);
      if (peek() !== ")") throw new SyntaxError("a closing parenthesis is missing");
      position += 1;
      return value;
    }
    const value = Number(token);
    if (token === undefined || Number.isNaN(value)) {
      throw new SyntaxError(
        token === undefined ? "the expression ends early" : `unexpected ${token}`,
      );
    }
    return value;
  }

  try {
    const value = sum(0);
    const rest = peek();
    if (rest !== undefined) throw new SyntaxError(`unexpected ${rest}`);
    return String(Number(value.toPrecision(15)));
  } catch (error) {
    if (error instanceof SyntaxError) return `error: ${error.message}`;
    throw error;
  }
}

const MAX_DEPTH = 100;
