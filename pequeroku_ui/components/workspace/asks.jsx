// Questions that work waits for: one at a time, each answered by a button or by Escape ("cancel").
import React from "react";
import { AlertDialog, Button } from "@radix-ui/themes";
import { makeStore, useStore } from "./store.jsx";

// A question: { title, text, answers: [[value, words, colour?]…] }; the last answer is the one to go for.
export function makeAsks() {
  const store = makeStore({ question: null });
  let line = Promise.resolve();
  const ask = (question) => {
    const answered = line.then(() => new Promise((resolve) => { store.set({ question: { ...question, resolve } }); }));
    line = answered;
    return answered;
  };
  const answer = (value) => {
    const { question } = store.get();
    store.set({ question: null });
    question?.resolve(value);
  };
  return { store, ask, answer };
}

export function Asks({ asks }) {
  const { question } = useStore(asks.store);
  if (!question) return null;
  const last = question.answers.length - 1;
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => isOpen || asks.answer("cancel")}>
      <AlertDialog.Content maxWidth="30rem">
        <AlertDialog.Title>{question.title}</AlertDialog.Title>
        <AlertDialog.Description>{question.text}</AlertDialog.Description>
        <div className="pq-dialog-end">
          {question.answers.map(([value, words, color], index) => (
            <Button key={value} size="3" variant={index === last ? "solid" : "soft"} autoFocus={index === last}
              color={index === last ? color : "gray"} onClick={() => asks.answer(value)}>{words}</Button>
          ))}
        </div>
      </AlertDialog.Content>
    </AlertDialog.Root>
  );
}
