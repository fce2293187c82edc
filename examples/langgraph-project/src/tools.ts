import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { Order } from "./state.js";

const ORDERS: Record<string, Order> = {
  "1001": { id: "1001", status: "on its way" },
  "1002": { id: "1002", status: "delivered" },
};

export const lookUpOrder = tool(
  ({ id }) => {
    const order = ORDERS[id];
    return order ? `order ${order.id} is ${order.status}` : `there is no order ${id}`;
  },
  {
    name: "look_up_order",
    description: "Looks up the status of an order",
    schema: z.object({ id: z.string() }),
  },
);
