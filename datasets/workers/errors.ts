/** Errors that cross from a worker to the main thread and keep their kind and words. */
import { DataError, UserError } from "../../core/errors.ts";

/** An error as plain data. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Whether the user can mend it. */
  readonly user: boolean;
  /** Of a {@linkcode DataError}. */
  readonly file?: string;
  readonly cause?: PlainError;
}

/** An error as plain data; a thrown value that is no error becomes its text. */
export function toPlain(error: unknown): PlainError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error), user: false };
  const { name, message, stack, cause } = error;
  return {
    name,
    message,
    user: error instanceof UserError,
    ...(stack === undefined ? {} : { stack }),
    ...(error instanceof DataError ? { file: error.file } : {}),
    ...(cause === undefined ? {} : { cause: toPlain(cause) }),
  };
}

/** The error again, of its kind and with the stack of the worker. */
export function fromPlain({ name, message, stack, user, file, cause }: PlainError): Error {
  const options = cause === undefined ? {} : { cause: fromPlain(cause) };
  const error = file !== undefined
    ? new DataError(file, message.slice(`${file}: `.length), options)
    : user
    ? new UserError(message, options)
    : new Error(message, options);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
