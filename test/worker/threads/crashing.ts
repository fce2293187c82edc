/** A lease thread that crashes as soon as it runs. */
throw new Error("crashed on purpose");
