defmodule Conformance.Oracle do
  @moduledoc """
  Reads scenarios, each an Erlang term on a line, `{Id, Looks, Actors, Steps}.`; runs each in a process of its own, and
  writes what was seen of it as JSON, on a line that begins with its id.
  """

  alias Conformance.World

  @doc "Serve until the input ends."
  def serve do
    # Crashes are what scenarios are about, so nobody else needs to read of them.
    Conformance.Reports.hear()
    load_all()
    writer = self()
    reader = spawn_link(fn -> read(writer) end)
    write(versions())
    loop(reader, 0, [], false)
  end

  # A process that waits for its code to be loaded would seem to rest.
  defp load_all do
    for application <- [:kernel, :stdlib, :elixir], do: application |> Application.spec(:modules) |> :code.ensure_modules_loaded()
    for {module, _, false} <- :code.all_available(), String.starts_with?(List.to_string(module), ["Elixir.Conformance", "Elixir.GenStage"]) do
      {:module, _} = module |> List.to_atom() |> :code.ensure_loaded()
    end
  end

  defp versions do
    otp = List.to_string(:erlang.system_info(:otp_release))
    "versions #{json([String.to_atom(System.version()), String.to_atom(otp)])}"
  end

  defp read(writer) do
    case IO.read(:stdio, :line) do
      line when is_binary(line) ->
        {:ok, tokens, _} = line |> String.to_charlist() |> :erl_scan.string()
        {:ok, scenario} = :erl_parse.parse_term(tokens)
        send(writer, {:scenario, scenario})
        read(writer)

      _ ->
        send(writer, :over)
    end
  end

  # Slots number the scenarios that run side by side, so that their names differ, and stay few.
  defp loop(reader, running, free, over) do
    if over and running == 0 do
      :ok
    else
      receive do
        {:scenario, scenario} ->
          {slot, free} = List.pop_at(free, 0, running)
          me = self()
          # With a link, so that nobody waits in vain for the outcome of one that fails.
          spawn_link(fn -> send(me, {:outcome, slot, run(scenario, slot)}) end)
          loop(reader, running + 1, free, over)

        {:outcome, slot, line} ->
          write(line)
          loop(reader, running - 1, [slot | free], over)

        :over ->
          loop(reader, running, free, true)
      end
    end
  end

  defp write(line), do: :ok = IO.write([line, ?\n])

  # Between its steps a scenario's time should stand still. One that has timers, or lets time pass, is played again when
  # the steps themselves have taken long, as they do on a busy machine.
  defp run(scenario, slot, tries \\ 20) do
    {is_late, outcome} = play(scenario, slot)
    if is_late and tries > 1, do: run(scenario, slot, tries - 1), else: "#{elem(scenario, 0)} #{json(outcome)}"
  end

  defp play({_, looks, actors, steps}, slot) do
    Process.flag(:trap_exit, true)
    world = World.new(slot)
    for [name, spec] <- actors, do: Conformance.Start.start(world, name, spec, :start)
    World.rest(world, looks)
    first = World.cut(world)
    began = System.monotonic_time(:millisecond)

    outcome =
      for {step, number} <- Enum.with_index(steps) do
        take(step, number, world)
        World.rest(world, looks)
        World.cut(world)
      end

    wanted = Enum.sum(for %{advance: ticks} <- steps, do: World.milliseconds(ticks))
    late = System.monotonic_time(:millisecond) - began - wanted
    is_late = late > World.milliseconds(1) / 2 and (wanted > 0 or World.timers(world) != [])
    World.close(world)
    {is_late, [first | outcome]}
  end

  defp take(%{at: label, do: ops}, number, world), do: await(tell(label, number, ops), world)

  defp take(%{race: acts}, number, world) do
    acts
    |> Enum.with_index()
    |> Enum.shuffle()
    |> Enum.map(fn {[label, ops], index} -> tell(label, {number, index}, ops) end)
    |> Enum.each(&await(&1, world))
  end

  defp take(%{open: gate}, _, world), do: World.open(world, gate)
  defp take(%{advance: ticks}, _, _), do: World.advance(ticks)

  defp tell(label, step, ops) do
    pid = World.target(label)
    :ets.delete(World.world().table, {:held, pid})

    if is_pid(pid) and Process.alive?(pid) do
      send(pid, {:do, step, ops})
      {pid, step}
    else
      World.saw(:*, :*, [:dead, label])
      nil
    end
  end

  # Until it has done its ops, or died of them, or is held by something.
  defp await(nil, _), do: :ok

  defp await({pid, step} = told, world) do
    unless World.get({:done, step}, false) or World.get({:ended, pid}, false) or World.get({:held, pid}, false) do
      :erlang.yield()
      await(told, world)
    end
  end

  defp json(nil), do: "null"
  defp json(value) when is_boolean(value) or is_number(value), do: to_string(value)
  defp json(value) when is_atom(value), do: [?", value |> Atom.to_string() |> String.replace(~r/["\\]/, "\\\\\\0"), ?"]
  defp json(list) when is_list(list), do: [?[, list |> Enum.map(&json/1) |> Enum.intersperse(?,), ?]]
end
